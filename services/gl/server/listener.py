"""The listening socket, and all connections that it accepted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from gecholog import held_sockets, keepalive, memory
from gecholog.errors import GechologError
from gecholog.listen_error import listen_error
from services.gl.errors import ErrorFormat, reply_to
from services.gl.server import descriptors, refusals
from services.gl.server.acceptor import Acceptor, NoBalance
from services.gl.server.connection import ClientConnection
from services.gl.server.garbage_collection import GarbageCollection
from services.gl.server.uploads import LARGE_READ_BYTES, Uploads

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine
    from collections.abc import Set as AbstractSet

    from gecholog.headers import Headers
    from services.gl.errors import ErrorReply, Refusal
    from services.gl.limits import Limits
    from services.gl.server.acceptor import Balance
    from services.gl.server.exchange import Exchange

    Handler = Callable[[Exchange], Coroutine[None, None, None]]
    MakeErrorReply = Callable[[Refusal, str, Headers], ErrorReply]

_BACKLOG = 1024
_SWEEP_S = 0.5  # between two checks for connections whose deadline has passed, or whose client has gone
_REFUSED = 32  # connections over the limit that get a response; more are closed at once


def plain(refusal: Refusal, _path: str, _headers: Headers) -> ErrorReply:
    """The response to a refusal, in the plain format."""
    return reply_to(refusal, ErrorFormat.PLAIN)


class PortTaken(GechologError):
    """The address cannot be listened on."""


class Listener:
    """Accepts clients on one address, and runs `handler` on each request, in a task of its own."""

    def __init__(
        self,
        handler: Handler,
        limits: Limits,
        open_files: int | None = None,
        error_reply: MakeErrorReply = plain,
        balance: Balance | None = None,
    ) -> None:
        """`open_files` is how many descriptors the process may have; None is no limit.

        `error_reply` makes the response to a request that cannot be read, from the refusal and what has arrived of the
        request's path and headers. `balance` is for several processes that accept from one socket.
        """
        self._balance = balance or NoBalance()
        self.limits = limits
        self.error_reply = error_reply
        self._loop = asyncio.get_running_loop()
        self.uploads = Uploads(limits.inflight_body, self._loop.time)
        self.garbage = GarbageCollection()
        self.buffer = memoryview(bytearray(LARGE_READ_BYTES))  # data from a connection, before it is parsed
        self.draining = False
        self.grace = 0.0  # seconds for requests that may be on their way when it drains
        self._handler = handler
        self._open_files = open_files
        self._acceptor: Acceptor | None = None
        self._connections: set[ClientConnection] = set()
        self._refused: set[ClientConnection] = set()  # those of them that are over the limit
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------- life

    def open(self, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Accept clients from now on. The socket stays the caller's. Raises PortTaken if another process was faster."""
        listen(listening)
        own = listening.dup()
        self._acceptor = Acceptor(own, tls, self.limits.handshake_time, self, self._balance)
        self._acceptor.start()
        self._sweeper = asyncio.create_task(self._sweep(), name="connection time-outs")

    def retire(self, grace: float = 0.0) -> None:
        """Stop accepting. Connections end after the response that they wait for.

        Idle connections have `grace` seconds, because a request may be on its way.
        """
        self.draining = True
        self.grace = grace
        if self._acceptor is not None:
            self._acceptor.stop()
        for connection in list(self._connections):
            connection.drain(grace)

    async def finished(self, seconds: float | None, *, idle: bool = False) -> None:
        """Wait until all work is done, at most `seconds` (None: without limit), then cancel the rest.

        With `idle`, wait for the idle connections as well.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks or (idle and self._connections):
                    await (asyncio.wait(self._tasks) if self._tasks else asyncio.sleep(_SWEEP_S))
        for task in self._tasks:
            task.cancel()
        if self._tasks:  # a cancelled call still writes its record
            await asyncio.wait(self._tasks, timeout=1.0)
        if self._acceptor is not None:
            self._acceptor.abandon()
        for connection in list(self._connections):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._check_connections(loop.time())
            self.uploads.sweep()
            if self.garbage.quiet():
                await asyncio.to_thread(memory.return_free_pages)

    def _check_connections(self, now: float) -> None:
        """Not part of `_sweep`: a local variable of a sleeping coroutine would keep the last connection alive."""
        for connection in list(self._connections):
            if connection.deadline is not None and connection.deadline < now:
                connection.timed_out()
            connection.notice_hang_up()

    def limit(self, limits: Limits) -> None:
        """Change the limits. The time-out of TLS handshakes does not change."""
        self.limits = limits
        self.uploads.resize(limits.inflight_body)

    @property
    def most_connections(self) -> int:
        """Connections that may be open at once; 0 is no limit."""
        return descriptors.most_connections(self.limits.connections, self._open_files)

    @property
    def calls(self) -> AbstractSet[asyncio.Task[None]]:
        """The tasks of calls in progress."""
        return self._tasks

    @property
    def connections(self) -> AbstractSet[ClientConnection]:
        """The connections that are open, or being opened."""
        return self._connections

    # ------------------------------------------------- for connections

    def admit(self, *, can_be_told: bool) -> ClientConnection | None:
        """Count a new connection and return its protocol. One over the limit gets a 503 if `can_be_told`, else None."""
        most = self.most_connections
        is_over = most and len(self._connections) - len(self._refused) >= most
        if is_over and not (can_be_told and len(self._refused) < _REFUSED):
            return None
        connection = ClientConnection(self, is_refused=bool(is_over))
        self._connections.add(connection)
        self._balance.opened()
        if is_over:
            self._refused.add(connection)
        return connection

    def refusal(self) -> bytes:
        """The response to a connection over the limit."""
        return refusals.response(self.error_reply(refusals.too_many_connections(self.most_connections), "", {}))

    def closed(self, connection: ClientConnection) -> None:
        """A connection is closed, or failed to open."""
        if connection in self._connections:
            self._connections.discard(connection)
            self._balance.closed()
        self._refused.discard(connection)

    def start(self, exchange: Exchange) -> asyncio.Task[None]:
        """Start the work on a request."""
        task = self._loop.create_task(self._handler(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def listen(bound: socket.socket) -> None:
    """Let the kernel queue the connections of clients on a bound socket. Raises PortTaken.

    A socket that listens already, because the service manager holds it, keeps the length of its queue.
    """
    if bound.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return
    try:
        bound.listen(_BACKLOG)
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise PortTaken(listen_error(host, port, error)) from error


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound and does not listen yet: until `open`, clients are refused rather than left waiting.

    An empty host means every address of the machine, IPv6 and IPv4. If the service manager holds a socket for the
    address, that one is returned; clients wait in its queue. Raises PortTaken.
    """
    if (held := held_sockets.find(host, port)) is not None:
        return held
    dual = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        keepalive.enable(bound)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise PortTaken(listen_error(host, port, error)) from error
    return bound
