"""The listener that accepts clients, and earlier listeners that still have calls in flight.

A config with another address or other TLS files needs a new listener. It is opened before the old one stops accepting,
so no connection is refused in between. The old listener finishes its calls.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog import held_sockets
from gecholog.errors import GechologError
from gecholog.logs import Log
from services.gl.listening.certificate import Certificate
from services.gl.server import descriptors
from services.gl.server.listener import Listener, bind

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gecholog.task_owner import TaskOwner
    from services.gl.config import Config
    from services.gl.server.acceptor import Balance
    from services.gl.server.listener import Handler, MakeErrorReply

log = Log("gateway")

Bind = Callable[[str, int], socket.socket]
"""Returns a socket that is bound to a host and a port. Raises GechologError."""

_NEARLY = 0.9  # of limits.connections; gl warns only if fewer are possible
_GRACE_S = 2.0  # for clients with an idle connection to an old listener


@dataclass(slots=True)
class Replacement:
    """The socket and the listener that a new config needs. None if it can use those of the old config."""

    config: Config
    socket: socket.socket | None
    listener: Listener | None = None


class Listeners:
    """All listeners of gl. One accepts clients, the others finish their calls."""

    def __init__(
        self, handler: Handler, error_reply: MakeErrorReply, bind: Bind = bind, balance: Balance | None = None
    ) -> None:
        """`handler`, `error_reply` and `balance` are passed to each `Listener`. `bind` returns a socket."""
        self._bind = bind
        self._balance = balance
        self._handler = handler
        self._error_reply = error_reply
        self._owner: TaskOwner | None = None
        self._config: Config | None = None
        self._socket: socket.socket | None = None
        self._open_files: int | None = None
        self._current: Listener | None = None
        self._all: set[Listener] = set()
        self._retired: set[asyncio.Task[None]] = set()
        self._certificate: Certificate | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def calls(self) -> set[asyncio.Task[None]]:
        """The tasks of the calls in flight."""
        return set().union(*[listener.calls for listener in self._all])

    @property
    def is_accepting(self) -> bool:
        """Whether clients are accepted."""
        return self._current is not None

    def bind(self, config: Config) -> None:
        """Bind the address of the first config, without accepting clients. Raises GechologError if that fails."""
        self._open_files = descriptors.raise_limit()
        _ = config.ingress_tls  # raises now if its files cannot be used
        self._socket = self._bind(config.listener.host, config.listener.port)
        self._config = config

    def start(self, owner: TaskOwner) -> None:
        """Accept clients on the bound address."""
        if self._socket is None or self._config is None:
            raise GechologError("not bound")
        self._owner = owner
        self._current = self._listen(self._config, self._socket)
        self._watch_certificate(self._config)

    # ------------------------------------------------------------------ reload

    def prepare(self, config: Config) -> Replacement:
        """Do the parts of a reload that can fail: bind another address, or load a renewed certificate.

        Raises GechologError if the port is in use or the certificate cannot be used.
        """
        replacement = Replacement(config, self._rebind(config))
        if replacement.socket is None and self._certificate is not None:
            self._certificate.renew()
        return replacement

    def open(self, replacement: Replacement) -> None:
        """Accept clients on the new listener as well, if there is one. Raises GechologError."""
        if replacement.socket is not None:
            replacement.listener = self._listen(replacement.config, replacement.socket)

    def cancel(self, replacement: Replacement) -> None:
        """Discard a replacement that was not opened, or whose `open` failed."""
        if replacement.socket is not None and replacement.socket is not self._socket:
            replacement.socket.close()

    def switch(self, replacement: Replacement) -> None:
        """Put the config in force: retire the old listener, or change its limits if there is no new one."""
        config, old = replacement.config, self._current
        self._config = config
        if replacement.listener is None:
            if old is not None:
                old.limit(config.limits)
                _warn_of_open_files(old)
            return
        self._current = replacement.listener
        if self._socket is not None and self._socket is not replacement.socket:
            self._socket.close()
        self._socket = replacement.socket
        self._watch_certificate(config)
        if old is not None:
            old.retire(_GRACE_S)
            self._in_background(self._finish(old))

    def _rebind(self, config: Config) -> socket.socket | None:
        """The socket for a new listener; None if the config does not need one."""
        if self._config is None or config.listener == self._config.listener:
            return None
        _ = config.ingress_tls
        now, before = config.listener, self._config.listener
        same_address = (now.host, now.port) == (before.host, before.port)
        return self._socket if same_address else self._bind(now.host, now.port)

    def _listen(self, config: Config, bound: socket.socket) -> Listener:
        listener = Listener(self._handler, config.limits, self._open_files, self._error_reply, self._balance)
        listener.open(bound, config.ingress_tls)
        _warn_of_open_files(listener)
        self._all.add(listener)
        return listener

    def _watch_certificate(self, config: Config) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._certificate = self._watching = None
        if config.listener.tls_files and config.ingress_tls and self._owner is not None:
            self._certificate = Certificate(config.listener.tls_files, config.ingress_tls)
            self._watching = self._owner.spawn(self._certificate.watch(), "certificate")

    # --------------------------------------------------------------------- end

    async def stop(self, seconds: float) -> None:
        """Stop accepting clients. Calls in flight have `seconds` to end.

        If the next process gets the same socket, a client with an idle connection may not notice the change: a request
        that is on its way is answered then, within `seconds` as well.
        """
        if self._socket is not None:
            self._socket.close()
        grace = min(_GRACE_S, seconds) if held_sockets.are_held() else 0.0
        for listener in self._all:
            listener.retire(grace)
        await asyncio.gather(*[listener.finished(seconds, idle=grace > 0) for listener in self._all])

    async def _finish(self, listener: Listener) -> None:
        await listener.finished(None, idle=True)
        self._all.discard(listener)

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="old listener")
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)


def _warn_of_open_files(listener: Listener) -> None:
    """Warn if the limit of open files is too low for `limits.connections`."""
    wanted, most = listener.limits.connections, listener.most_connections
    if wanted * _NEARLY > most > 0:
        log.warning("limits.connections is lowered by the limit of open files", connections=wanted, in_force=most)
