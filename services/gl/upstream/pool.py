"""Connections to targets, kept for the next request."""

from __future__ import annotations

import asyncio
import socket
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import headers
from services.gl.call import UpstreamError
from services.gl.upstream import proxy
from services.gl.upstream.connection import Connection, Patience

if TYPE_CHECKING:
    from services.gl.call import Outbound
    from services.gl.routing import Origin, Timeouts
    from services.gl.upstream.connection import StreamedAnswer

_IDLE_FOR = 4.0  # seconds; servers close theirs after 5 or more, and a request must not meet that moment
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})  # safe methods (RFC 9110, section 9.2.1)
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"})


class Pool:
    """Connections by origin. The one that was used last is used next, so that the others can grow old."""

    def __init__(self, context: ssl.SSLContext, proxies: proxy.Proxies) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = context
        self._proxies = proxies
        self._idle: dict[Origin, list[Connection]] = {}
        self._retired = False

    async def send(self, outbound: Outbound) -> StreamedAnswer:
        """Send a request; return when the head of the answer is there. Raises UpstreamError."""
        patience = _patience(outbound.router.target.timeouts, self._loop.time())
        connection = self._take(outbound.router.target.origin)
        if connection is not None:
            try:
                return await self._ask(connection, outbound, patience)
            except UpstreamError as error:
                # A target may close an idle connection just when it is used again. Of requests that change something
                # nobody knows whether they were carried out (RFC 9110, section 9.2.2): they are repeated only if
                # they would be sent elsewhere otherwise.
                in_vain = connection.lost_idle and error.status != HTTPStatus.GATEWAY_TIMEOUT
                if not in_vain or not (outbound.may_repeat or outbound.method in _REPEATABLE):
                    raise
        return await self._ask(await self._connect(outbound, patience), outbound, patience)

    async def _ask(self, connection: Connection, outbound: Outbound, patience: Patience) -> StreamedAnswer:
        route = self._proxies.route(outbound.router.target.origin)
        return await connection.request(
            request_head(outbound, route),
            outbound.body,
            is_head=outbound.method == "HEAD",
            patience=patience,
        )

    # ------------------------------------------------------------- connections

    def _take(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        oldest = self._loop.time() - _IDLE_FOR
        while idle:
            connection = idle.pop()
            if connection.closed:
                continue
            if connection.idle_since >= oldest:
                return connection
            connection.close()
        return None

    async def _connect(self, outbound: Outbound, patience: Patience) -> Connection:
        origin = outbound.router.target.origin
        idle = self._idle.setdefault(origin, [])
        loop = self._loop

        def release(connection: Connection) -> None:
            if self._retired:
                connection.close()
                return
            connection.idle_since = loop.time()
            idle.append(connection)
            self._let_go_of_old(idle, loop.time() - _IDLE_FOR)

        try:
            async with asyncio.timeout_at(_earlier(outbound.router.target.timeouts.connect, patience.deadline)):
                return await proxy.connect(
                    lambda: Connection(release),
                    origin,
                    self._proxies.route(origin),
                    self._context if origin.scheme == "https" else None,
                )
        except TimeoutError:
            raise UpstreamError(504, "no connection in time") from None
        except socket.gaierror:
            raise UpstreamError(503, "host name not found") from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", None) or error.reason or "handshake failed"
            raise UpstreamError(502, f"TLS: {reason}") from None
        except OSError as error:
            raise UpstreamError(502, error.strerror or type(error).__name__) from None

    @staticmethod
    def _let_go_of_old(idle: list[Connection], oldest: float) -> None:
        """The oldest stand in front; they are closed as soon as they are too old to be used."""
        while idle and idle[0].idle_since < oldest:
            idle.pop(0).close()

    def retire(self) -> None:
        """Start no more requests; those under way go on."""
        self._retired = True
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
            idle.clear()


def _patience(timeouts: Timeouts, now: float) -> Patience:
    """The time that a target has from now on, by the loop's clock."""
    return Patience(
        timeouts.first_byte, timeouts.between_chunks, None if timeouts.total is None else now + timeouts.total
    )


def _earlier(seconds: float | None, deadline: float | None) -> float | None:
    """The earlier of `seconds` from now and a deadline, as a time of the event loop's clock."""
    ends = [] if seconds is None else [asyncio.get_running_loop().time() + seconds]
    return min([*ends, *([] if deadline is None else [deadline])], default=None)


def request_head(outbound: Outbound, route: proxy.Route | None = None) -> bytes:
    """Request line and headers as they go on the wire. Length and host are ours, whatever the record says."""
    origin = outbound.router.target.origin
    target = f"{outbound.path}?{outbound.query}" if outbound.query else outbound.path
    extra = ""
    if route is not None and origin.scheme == "http":  # a plain request through a proxy names the whole address
        target = f"http://{origin.authority}{target}"
        extra = route.authorization_line
    if outbound.body or outbound.method not in _BODILESS:
        extra += f"Content-Length: {len(outbound.body)}\r\n"
    first = f"{outbound.method} {target} HTTP/1.1\r\nHost: {origin.authority}\r\n{extra}"
    sent = headers.without(outbound.headers, {"Content-Length"})
    return first.encode("ascii") + headers.lines(sent) + b"\r\n"
