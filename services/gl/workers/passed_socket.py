"""The listening socket that the parent, which alone binds addresses, passes to a worker (`SCM_RIGHTS`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.errors import GechologError

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence


class PassedSocket:
    """Holds the socket that came with the last message, until the listener takes it."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def put(self, sockets: Sequence[socket.socket]) -> None:
        """Hold the socket of a message, if it has one."""
        self.drop()
        if sockets:
            self._socket = sockets[0]

    def take(self, host: str, port: int) -> socket.socket:
        """The socket that is bound to this address. Raises GechologError if the parent has sent none."""
        found, self._socket = self._socket, None
        if found is None:
            raise GechologError(f"no socket for {host}:{port} from the parent")
        return found

    def drop(self) -> None:
        """Close the socket, if nobody has taken it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
