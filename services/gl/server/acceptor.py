"""The accept loop. Connections are counted from here on, before TLS has been spoken.

`loop.create_server` would hand out a connection only after its TLS handshake, so that nobody could count or limit those
that are still at it, and would accept all that wait in the kernel's queue at once, descriptors or not.
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

_AT_ONCE = 64  # connections that are accepted in a row: calls want their turn, too
_REST_S = 0.5  # seconds in which nobody is accepted, when the machine has no descriptor or memory for it
_SHUTDOWN_S = 5.0  # seconds in which a client may answer the end of TLS
_REQUEST = 64 * 1024  # bytes of a request that are thrown away
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Admission(Protocol):
    """Who decides on new connections, and keeps count of them."""

    def admit(self, *, can_be_told: bool) -> asyncio.BufferedProtocol | None:
        """Count a new connection and return its protocol; None: close it at once.

        `can_be_told`: the client of one that is refused can be sent an answer.
        """

    def refusal(self) -> bytes:
        """The response to a connection that is one too many."""


class Acceptor:
    """Accepts the connections of a listening socket, which it owns."""

    def __init__(
        self, listening: socket.socket, tls: ssl.SSLContext | None, handshake_s: float, admission: Admission
    ) -> None:
        """`handshake_s` are the seconds that a TLS handshake may take."""
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
        """Accept no more, and close the socket. Connections that are being opened go on."""
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def abandon(self) -> None:
        """Drop the connections that are being opened."""
        for task in self._opening:
            task.cancel()

    def _ready(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            self._admit(accepted)

    def _pause(self, error: OSError) -> None:
        """The queue cannot be emptied now: to be told of it over and over would take all of the CPU."""
        self._loop.remove_reader(self._socket)
        self._rest = self._loop.call_later(_REST_S, self.start)
        if error.errno in _EXHAUSTED:
            log.error("connections not accepted", reason=error.strerror)

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
        except OSError as error:  # no TLS, no certificate that it believes, too slow, gone: the client's business
            log.debug("connection not opened", reason=getattr(error, "reason", None) or str(error))
            connection.connection_lost(None)  # which nobody tells one that was never made
        except BaseException:
            connection.connection_lost(None)
            raise


def _tell(accepted: socket.socket, response: bytes) -> None:
    """Answer as far as that needs no waiting. What was not read when a socket is closed resets it, so it is read."""
    accepted.setblocking(False)  # noqa: FBT003 - the standard library's own
    for step in (lambda: accepted.send(response), lambda: accepted.recv(_REQUEST)):
        with contextlib.suppress(OSError):
            step()
