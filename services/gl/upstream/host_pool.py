"""The connections to one host, kept open for the next request."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gecholog.deadline_timer import DeadlineTimer
    from services.gl.upstream.connection import UpstreamConnection

_IDLE_TIMEOUT_S = 4.0  # servers close idle connections after 5 seconds or more, and no request may coincide with that


class _Waiter(NamedTuple):
    """A request that waits until it can have a connection: an idle one, or None for the right to open one."""

    most: int
    granted: asyncio.Future[UpstreamConnection | None]


class HostPool:
    """The connections to one host. The one used last is taken first, so that the others reach their idle time-out.

    There may be a limit: `acquire` and `release` are for requests that have one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline_timer: DeadlineTimer) -> None:
        self.deadline_timer = deadline_timer
        self.connections: set[UpstreamConnection] = set()
        self._loop = loop
        self._idle: list[UpstreamConnection] = []
        self._retired = False
        self._opening = 0  # connections that requests with a limit are opening
        self._waiters: deque[_Waiter] = deque()  # the first one first

    def take(self) -> UpstreamConnection | None:
        """Take an idle connection, or None."""
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
        if self._waiters and (waiter := self._next_waiter()) is not None:
            waiter.granted.set_result(connection)
            return
        idle, present = self._idle, self._loop.time()
        connection.idle_since = present
        idle.append(connection)
        while idle[0].idle_since < present - _IDLE_TIMEOUT_S:  # the oldest come first
            idle.pop(0).close()

    def closed(self, connection: UpstreamConnection) -> None:
        self.connections.discard(connection)
        if self._waiters:
            self._grant()

    def retire(self) -> None:
        """Close the idle connections, and from now on each one after its response."""
        self._retired = True
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    # ------------------------------------------------------------- the limit

    async def acquire(self, most: int) -> UpstreamConnection | None:
        """Wait until a request can have one of at most `most` connections. First come, first served.

        Returns an idle connection, or None: then the request may open one, and calls `release` when it is open or has
        failed.
        """
        if not self._waiters:
            if (connection := self.take()) is not None:
                return connection
            if self._has_room(most):
                self._opening += 1
                return None
        waiter = _Waiter(most, self._loop.create_future())
        self._waiters.append(waiter)
        self._grant()  # `take` may have closed idle connections
        try:
            connection = await waiter.granted
        except asyncio.CancelledError:
            self._give_back(waiter)
            raise
        # it may have been closed since, and then no longer counts
        return await self.acquire(most) if connection is not None and connection.closed else connection

    def reserve(self) -> None:
        """A request closes a connection to open another one in its place. It calls `release`, as after `acquire`."""
        self._opening += 1

    def release(self) -> None:
        """A connection that `acquire` allowed is open, and counts as such, or has failed."""
        self._opening -= 1
        self._grant()

    def _has_room(self, most: int) -> bool:
        return len(self.connections) + self._opening < most

    def _grant(self) -> None:
        """Let those who wait open connections as long as there is room."""
        while self._waiters and self._has_room(self._waiters[0].most):
            waiter = self._next_waiter()
            if waiter is None:
                return
            self._opening += 1
            waiter.granted.set_result(None)

    def _next_waiter(self) -> _Waiter | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.granted.done():
                return waiter
        return None

    def _give_back(self, waiter: _Waiter) -> None:
        """A request gave up: pass what was granted to it to the next one."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            self._grant()  # the next one may have a higher limit
        elif waiter.granted.done() and not waiter.granted.cancelled():
            connection = waiter.granted.result()
            if connection is None:
                self.release()
            elif not connection.closed:
                self.idle(connection)
