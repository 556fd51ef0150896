"""The accept loop. It counts a connection before its TLS handshake.

`loop.create_server` hands out a connection only after its TLS handshake, so connections in the handshake could be
neither counted nor limited. It also accepts everything in the kernel's queue at once, whether there are file
descriptors or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from typing import TYPE_CHECKING, Protocol

from gecholog.logs import Log

if TYPE_CHECKING:
    import socket
    import ssl

log = Log("listener")

_AT_ONCE = 64  # connections that are accepted before the event loop runs anything else
_TURN_S = 0.002  # in which another process with fewer connections may accept one
_REST_S = 0.5  # pause in accepting when the machine is out of file descriptors or memory
_SHUTDOWN_S = 5.0  # in which a client has to answer the end of TLS
_REQUEST = 64 * 1024  # bytes of a request that are read and dropped
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Admission(Protocol):
    """Decides on new connections, and counts them."""

    def admit(self, *, can_be_told: bool) -> asyncio.BufferedProtocol | None:
        """Count a new connection and return its protocol; None: close it at once.

        `can_be_told`: a client that is refused can be sent a response.
        """

    def refusal(self) -> bytes:
        """The response to a connection that exceeds the limit."""


class Balance(Protocol):
    """Balances the connections of processes that accept from the same socket."""

    def opened(self) -> None:
        """Count a connection of this process."""

    def closed(self) -> None:
        """A connection of this process is closed."""

    def is_ahead(self) -> bool:
        """Whether another process has fewer connections than this one."""


class NoBalance:
    """The balance of a process that has its socket for itself."""

    def opened(self) -> None:
        """Do nothing."""

    def closed(self) -> None:
        """Do nothing."""

    def is_ahead(self) -> bool:
        """There is no other process."""
        return False


class Acceptor:
    """Accepts the connections of a listening socket, which it owns."""

    def __init__(
        self,
        listening: socket.socket,
        tls: ssl.SSLContext | None,
        handshake_s: float,
        admission: Admission,
        balance: Balance,
    ) -> None:
        """`handshake_s` are the seconds that a TLS handshake may take."""
        self._balance = balance
        self._has_waited = False
        self._socket = listening
        self._tls = tls
        self._handshake_s = handshake_s
        self._admission = admission
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._rest: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Accept connections from now on."""
        self._socket.setblocking(False)  # noqa: FBT003 - the standard library's own
        self._loop.add_reader(self._socket, self._ready)

    def stop(self) -> None:
        """Stop accepting, and close the socket. TLS handshakes in progress continue."""
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def abandon(self) -> None:
        """Drop the connections whose TLS handshake is under way."""
        for task in self._opening:
            task.cancel()

    def _ready(self) -> None:
        for _ in range(_AT_ONCE):
            if self._balance.is_ahead() and not self._has_waited:
                self._let_another()
                return
            self._has_waited = False
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            self._admit(accepted)

    def _let_another(self) -> None:
        """Wait a moment. If no other process accepts the connection until then, this one does."""
        self._has_waited = True
        self._loop.remove_reader(self._socket)
        self._rest = self._loop.call_later(_TURN_S, self.start)

    def _pause(self, error: OSError) -> None:
        """Stop for a moment: the queue stays full, and its events would take the whole CPU."""
        self._loop.remove_reader(self._socket)
        self._rest = self._loop.call_later(_REST_S, self.start)
        if error.errno in _EXHAUSTED:
            log.error("cannot accept connections", reason=error.strerror)

    def _admit(self, accepted: socket.socket) -> None:
        connection = self._admission.admit(can_be_told=self._tls is None)
        if connection is None:
            if self._tls is None:
                _tell(accepted, self._admission.refusal())
            accepted.close()
            return
        task = self._loop.create_task(self._open(accepted, connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, accepted: socket.socket, connection: asyncio.BufferedProtocol) -> None:
        try:
            if self._tls is None:
                await self._loop.connect_accepted_socket(lambda: connection, accepted)
            else:
                await self._loop.connect_accepted_socket(
                    lambda: connection,
                    accepted,
                    ssl=self._tls,
                    ssl_handshake_timeout=self._handshake_s,
                    ssl_shutdown_timeout=_SHUTDOWN_S,
                )
        except OSError as error:  # no TLS, no trust in the certificate, too slow, gone: the client's fault
            log.debug("connection failed to open", reason=getattr(error, "reason", None) or str(error))
            connection.connection_lost(None)  # no transport calls it
        except BaseException:
            connection.connection_lost(None)
            raise


def _tell(accepted: socket.socket, response: bytes) -> None:
    """Respond as far as possible without waiting. Reads the request: closing a socket with unread data resets it."""
    accepted.setblocking(False)  # noqa: FBT003 - the standard library's own
    for step in (lambda: accepted.send(response), lambda: accepted.recv(_REQUEST)):
        with contextlib.suppress(OSError):
            step()
