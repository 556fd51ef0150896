"""The listening socket of all workers. The parent binds each address once, so no connection is lost with a worker."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from services.gl.server.listener import PortTaken, bind, listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from services.gl.config import Config

_RETRY_S = 0.05
_RETRY_WITHIN_S = 15.0  # for the workers of a parent that was killed, which finish their calls first


class BoundSocket:
    """The socket for the address in force, and during a reload the one for the next address."""

    def __init__(self) -> None:
        self._address: tuple[str, int] | None = None
        self._socket: socket.socket | None = None
        self._next: socket.socket | None = None

    async def bind(self, config: Config, is_ending: Callable[[], bool]) -> None:
        """Bind the first address. Raises PortTaken.

        While `is_ending` says that workers of an earlier parent are about to end, waits for them to free the port.
        """
        host, port = _address(config)
        loop = asyncio.get_running_loop()
        end = loop.time() + _RETRY_WITHIN_S
        while True:
            try:
                self._socket = _bound(host, port)
            except PortTaken:
                if not is_ending() or loop.time() > end:
                    raise
                await asyncio.sleep(_RETRY_S)
            else:
                self._address = host, port
                return

    @property
    def current(self) -> list[socket.socket]:
        """The socket for the address in force."""
        return [] if self._socket is None else [self._socket]

    def prepare(self, config: Config) -> list[socket.socket]:
        """Bind the address of another config. Returns a socket if it is not the address in force. Raises PortTaken."""
        if _address(config) == self._address:
            return []
        self._next = _bound(*_address(config))
        return [self._next]

    def listen(self) -> None:
        """Let the kernel queue connections for the workers. Raises PortTaken if another process was faster."""
        if (waiting := self._next or self._socket) is not None:
            listen(waiting)

    def commit(self, config: Config) -> None:
        """Put the prepared socket in force."""
        if self._next is not None:
            self.close()
            self._socket, self._next = self._next, None
            self._address = _address(config)

    def cancel(self) -> None:
        """Close the prepared socket."""
        if self._next is not None:
            self._next.close()
            self._next = None

    def close(self) -> None:
        """Close the socket in force. The workers have descriptors of their own."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None


def _bound(host: str, port: int) -> socket.socket:
    """A bound socket that does not block in any of the processes that will share it. Raises PortTaken."""
    bound = bind(host, port)
    bound.setblocking(False)  # noqa: FBT003 - the standard library's own
    return bound


def _address(config: Config) -> tuple[str, int]:
    return config.listener.host, config.listener.port
