"""The upstream client: sends requests on pooled connections, or on new ones."""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import headers
from gecholog.deadline_timer import NEVER, DeadlineTimer
from services.gl.errors import NO_FREE_CONNECTION, UpstreamError
from services.gl.upstream import proxy
from services.gl.upstream.connection import UpstreamConnection
from services.gl.upstream.dial import Dialer, is_host
from services.gl.upstream.host_pool import HostPool

if TYPE_CHECKING:
    from services.gl.http import UpstreamRequest
    from services.gl.routing.routers import Origin, Target
    from services.gl.upstream.dial import SocketAddress
    from services.gl.upstream.response import StreamedResponse

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})  # safe methods (RFC 9110, section 9.2.1)
_NOT_FOUND = "host name not found"
_OURS = frozenset({"Content-Length"})
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"})


class Pool:
    """The `Upstream` of gl, with the connections to all hosts."""

    def __init__(self, context: ssl.SSLContext, proxies: proxy.Proxies, dialer: Dialer | None = None) -> None:
        """`dialer` resolves host names and opens connections; None: the usual one."""
        self._loop = asyncio.get_running_loop()
        self._context = context
        self._proxies = proxies
        self._dialer = dialer or Dialer()
        self._hosts: dict[Origin, HostPool] = {}
        self._deadline_timer = DeadlineTimer(self._expire)
        self._retired = False

    async def send(self, request: UpstreamRequest, /) -> StreamedResponse:
        """Send a request and return the response once its head is here. Raises UpstreamError."""
        target = request.router.target
        deadline = request.deadline
        if target.timeouts.total is not None:
            deadline = _earlier(target.timeouts.total, deadline)
        pool = self._hosts.get(target.origin) or self._host_pool(target.origin)
        head = request_head(request, self._proxies.route(target.origin))
        is_head = request.method == "HEAD"
        most = target.max_connections
        connection = pool.take() if most is None else await self._acquire(pool, most, target, deadline)
        if connection is not None:
            try:
                response = connection.request(head, request.body, target.timeouts, deadline, is_head=is_head)
                await response.head()
            except UpstreamError as error:
                # An upstream may close an idle connection just when it is used again. It is unknown whether it has
                # carried out a request that changes something (RFC 9110, section 9.2.2): such a request is repeated
                # only if it would otherwise be sent to another upstream.
                was_stale = connection.lost_idle and error.status != HTTPStatus.GATEWAY_TIMEOUT
                if not was_stale or not (request.may_repeat or request.method in _REPEATABLE):
                    raise
            else:
                return response
            if most is not None and (other := await self._acquire(pool, most, target, deadline)) is not None:
                other.close()  # it may be stale as well: a new one takes its place
                pool.connections.discard(other)
                pool.reserve()
        try:
            connection = await self._connect(pool, target, deadline)
        finally:
            if most is not None:
                pool.release()
        response = connection.request(head, request.body, target.timeouts, deadline, is_head=is_head)
        await response.head()
        return response

    def retire(self) -> None:
        """Close idle connections, and the others after their response."""
        self._retired = True
        for pool in self._hosts.values():
            pool.retire()

    # ------------------------------------------------------------- connections

    def _host_pool(self, origin: Origin) -> HostPool:
        pool = self._hosts[origin] = HostPool(self._loop, self._deadline_timer)
        if self._retired:
            pool.retire()
        return pool

    async def _acquire(
        self, pool: HostPool, most: int, target: Target, deadline: float | None
    ) -> UpstreamConnection | None:
        """Wait for one of at most `most` connections: an idle one, or None for a new one. Raises UpstreamError."""
        try:
            async with asyncio.timeout_at(_earlier(target.timeouts.connect, deadline)):
                return await pool.acquire(most)
        except TimeoutError:
            raise UpstreamError(503, NO_FREE_CONNECTION) from None

    async def _connect(self, pool: HostPool, target: Target, deadline: float | None) -> UpstreamConnection:
        end = _earlier(target.timeouts.connect, deadline)
        addresses = await self._lookup(target.origin, end)
        try:
            async with asyncio.timeout_at(end):
                connected = await self._dialer.connect(addresses, None if end is None else end - self._loop.time())
                return await proxy.connect(
                    lambda sock: UpstreamConnection(pool, sock),
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

    async def _lookup(self, origin: Origin, end: float | None) -> list[SocketAddress]:
        """The addresses of an upstream, or of the proxy in front of it. Raises UpstreamError."""
        route = self._proxies.route(origin)
        if not is_host(origin.host):  # it would go to the proxy, and into TLS
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
        """Fail what has waited until its deadline; return the next deadline."""
        upcoming = NEVER
        for pool in self._hosts.values():
            for connection in list(pool.connections):
                if connection.deadline <= by:
                    connection.expire()
                upcoming = min(upcoming, connection.deadline)
        return upcoming


def _earlier(seconds: float | None, deadline: float | None) -> float | None:
    """The earlier of `seconds` from now and a deadline, as a time of the event loop's clock."""
    ends = [] if seconds is None else [asyncio.get_running_loop().time() + seconds]
    return min([*ends, *([] if deadline is None else [deadline])], default=None)


def request_head(request: UpstreamRequest, route: proxy.Route | None = None) -> bytes:
    """Request line and headers as they are sent. Content-Length and Host are set here, not by the caller."""
    origin = request.router.target.origin
    target = f"{request.path}?{request.query}" if request.query else request.path
    extra = ""
    if route is not None and origin.scheme == "http":  # a request without TLS through a proxy has the absolute form
        target = f"http://{origin.authority}{target}"
        extra = route.authorization_line
    if request.body or request.method not in _BODILESS:
        extra += f"Content-Length: {len(request.body)}\r\n"
    first = f"{request.method} {target} HTTP/1.1\r\nHost: {origin.authority}\r\n{extra}"
    sent = headers.without(request.headers, _OURS)
    return first.encode("ascii") + headers.lines(sent) + b"\r\n"
