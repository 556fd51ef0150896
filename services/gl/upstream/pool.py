"""Connections to targets, kept for the next request."""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import headers
from gecholog.deadline_timer import NEVER, DeadlineTimer
from services.gl.errors import UpstreamError
from services.gl.upstream import proxy
from services.gl.upstream.connection import Connection
from services.gl.upstream.dial import Dialer, Resolve, is_host, resolve

if TYPE_CHECKING:
    from services.gl.http import UpstreamRequest
    from services.gl.routing import Origin, Target
    from services.gl.upstream.answer import StreamedAnswer
    from services.gl.upstream.dial import Address

_IDLE_FOR = 4.0  # seconds; servers close theirs after 5 or more, and a request must not meet that moment
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})  # safe methods (RFC 9110, section 9.2.1)
_NOT_FOUND = "host name not found"
_OURS = frozenset({"Content-Length"})
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"})


class Pool:
    """Connections to all targets."""

    def __init__(self, context: ssl.SSLContext, proxies: proxy.Proxies, lookup: Resolve = resolve) -> None:
        """`lookup` finds the addresses of a host name."""
        self._loop = asyncio.get_running_loop()
        self._context = context
        self._proxies = proxies
        self._dialer = Dialer(lookup)
        self._places: dict[Origin, _Place] = {}
        self._deadline_timer = DeadlineTimer(self._expire)
        self._retired = False

    async def send(self, outbound: UpstreamRequest) -> StreamedAnswer:
        """Send a request; return when the head of the answer is there. Raises UpstreamError."""
        target = outbound.router.target
        total = target.timeouts.total
        deadline = None if total is None else self._loop.time() + total
        place = self._places.get(target.origin) or self._place(target.origin)
        head = request_head(outbound, self._proxies.route(target.origin))
        is_head = outbound.method == "HEAD"
        connection = place.take()
        if connection is not None:
            try:
                answer = connection.request(head, outbound.body, target.timeouts, deadline, is_head=is_head)
                await answer.head()
            except UpstreamError as error:
                # A target may close an idle connection just when it is used again. Of requests that change something
                # nobody knows whether they were carried out (RFC 9110, section 9.2.2): they are repeated only if
                # they would be sent elsewhere otherwise.
                in_vain = connection.lost_idle and error.status != HTTPStatus.GATEWAY_TIMEOUT
                if not in_vain or not (outbound.may_repeat or outbound.method in _REPEATABLE):
                    raise
            else:
                return answer
        connection = await self._connect(place, target, deadline)
        answer = connection.request(head, outbound.body, target.timeouts, deadline, is_head=is_head)
        await answer.head()
        return answer

    def retire(self) -> None:
        """Start no more requests; those under way go on."""
        self._retired = True
        for place in self._places.values():
            place.retire()

    # ------------------------------------------------------------- connections

    def _place(self, origin: Origin) -> _Place:
        place = self._places[origin] = _Place(self._loop, self._deadline_timer)
        if self._retired:
            place.retire()
        return place

    async def _connect(self, place: _Place, target: Target, deadline: float | None) -> Connection:
        end = _earlier(target.timeouts.connect, deadline)
        addresses = await self._lookup(target.origin, end)
        try:
            async with asyncio.timeout_at(end):
                connected = await self._dialer.connect(addresses, None if end is None else end - self._loop.time())
                return await proxy.connect(
                    lambda sock: Connection(place, sock),
                    connected,
                    target.origin,
                    self._proxies.route(target.origin),
                    self._context if target.origin.scheme == "https" else None,
                )
        except TimeoutError:
            raise UpstreamError(504, "no connection in time") from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", None) or error.reason or "handshake failed"
            raise UpstreamError(502, f"TLS: {reason}") from None
        except OSError as error:
            raise UpstreamError(502, error.strerror or type(error).__name__) from None

    async def _lookup(self, origin: Origin, end: float | None) -> list[Address]:
        """Addresses of a target, or of the proxy that leads to it. Raises UpstreamError."""
        route = self._proxies.route(origin)
        if not is_host(origin.host):  # the proxy would be asked for it, and TLS
            raise UpstreamError(503, _NOT_FOUND)
        host, port = (origin.host, origin.port) if route is None else (route.host, route.port)
        try:
            async with asyncio.timeout_at(end):
                return await self._dialer.addresses(host, port)
        except TimeoutError:
            raise UpstreamError(504, "host name not resolved in time") from None
        except OSError:
            raise UpstreamError(503, _NOT_FOUND) from None

    def _expire(self, by: float) -> float:
        """End what is due; returns when the next is."""
        upcoming = NEVER
        for place in self._places.values():
            for connection in list(place.open):
                if connection.due <= by:
                    connection.expire()
                upcoming = min(upcoming, connection.due)
        return upcoming


class _Place:
    """The connections to one target. The one that was used last is used next, so that the others can grow old."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline_timer: DeadlineTimer) -> None:
        self.deadline_timer = deadline_timer
        self.open: set[Connection] = set()
        self._loop = loop
        self._idle: list[Connection] = []
        self._retired = False

    def take(self) -> Connection | None:
        """A connection that is not in use."""
        if not self._idle:
            return None
        oldest = self._loop.time() - _IDLE_FOR
        while self._idle:
            connection = self._idle.pop()
            if connection.closed:
                continue
            if connection.idle_since >= oldest:
                return connection
            connection.close()
        return None

    def keep(self, connection: Connection) -> None:
        self.open.add(connection)

    def release(self, connection: Connection) -> None:
        """A connection is not in use any more. Those that have not been used for too long go."""
        if self._retired:
            connection.close()
            return
        idle, present = self._idle, self._loop.time()
        connection.idle_since = present
        idle.append(connection)
        while idle[0].idle_since < present - _IDLE_FOR:  # the oldest stand in front
            idle.pop(0).close()

    def forget(self, connection: Connection) -> None:
        self.open.discard(connection)

    def retire(self) -> None:
        """Keep no more connections."""
        self._retired = True
        for connection in self._idle:
            connection.close()
        self._idle.clear()


def _earlier(seconds: float | None, deadline: float | None) -> float | None:
    """The earlier of `seconds` from now and a deadline, as a time of the event loop's clock."""
    ends = [] if seconds is None else [asyncio.get_running_loop().time() + seconds]
    return min([*ends, *([] if deadline is None else [deadline])], default=None)


def request_head(outbound: UpstreamRequest, route: proxy.Route | None = None) -> bytes:
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
    sent = headers.without(outbound.headers, _OURS)
    return first.encode("ascii") + headers.lines(sent) + b"\r\n"
