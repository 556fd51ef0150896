"""The connections to one host, kept open for the next request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gecholog.deadline_timer import DeadlineTimer
    from services.gl.upstream.connection import UpstreamConnection

_IDLE_TIMEOUT_S = 4.0  # servers close idle connections after 5 seconds or more, and no request may coincide with that


class HostPool:
    """The connections to one host. The one used last is taken first, so that the others reach their idle time-out."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline_timer: DeadlineTimer) -> None:
        self.deadline_timer = deadline_timer
        self.connections: set[UpstreamConnection] = set()
        self._loop = loop
        self._idle: list[UpstreamConnection] = []
        self._retired = False

    def take(self) -> UpstreamConnection | None:
        """Take an idle connection; None if there is none."""
        if not self._idle:
            return None
        oldest = self._loop.time() - _IDLE_TIMEOUT_S
        while self._idle:
            connection = self._idle.pop()
            if connection.closed:
                continue
            if connection.idle_since >= oldest:
                return connection
            connection.close()
        return None

    def opened(self, connection: UpstreamConnection) -> None:
        self.connections.add(connection)

    def idle(self, connection: UpstreamConnection) -> None:
        """Keep a connection for the next request, and close those that have been idle for too long."""
        if self._retired:
            connection.close()
            return
        idle, present = self._idle, self._loop.time()
        connection.idle_since = present
        idle.append(connection)
        while idle[0].idle_since < present - _IDLE_TIMEOUT_S:  # the oldest come first
            idle.pop(0).close()

    def closed(self, connection: UpstreamConnection) -> None:
        self.connections.discard(connection)

    def retire(self) -> None:
        """Close the idle connections, and from now on each one after its response."""
        self._retired = True
        for connection in self._idle:
            connection.close()
        self._idle.clear()
