"""Keeps the status file of circuit breakers up to date."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog.breakerstatus import OpenBreaker
from gecholog.logs import Log
from gecholog.timer import rfc3339
from services.gl.resilience.breaker import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from gecholog.breakerstatus import BreakerStatusStore
    from gecholog.timer import Timestamp
    from services.gl.targets.breakers import Breakers, BreakerState

log = Log("breaker")

_NANOSECONDS = 1_000_000_000
_PAUSE_S = 0.2  # between two writes


class StatusWriter:
    """Writes the file after each transition, until it is cancelled; then it removes the file."""

    def __init__(self, file: BreakerStatusStore, breakers: Breakers, clock: Callable[[], Timestamp]) -> None:
        self._file = file
        self._breakers = breakers
        self._clock = clock
        self._changed = asyncio.Event()
        self._problem = ""

    async def run(self) -> None:
        """Write the file after each transition until cancelled."""
        stop = self._breakers.observe(self._notify)
        try:
            while True:
                self._changed.clear()
                self._attempt(self._write)
                await asyncio.sleep(_PAUSE_S)
                await self._changed.wait()
        finally:
            stop()
            self._attempt(self._file.remove)

    def _notify(self, _: str) -> None:
        self._changed.set()

    def _write(self) -> None:
        now = self._clock()
        self._file.write(_listed(one, now) for one in self._breakers.states() if one.state is not State.CLOSED)

    def _attempt(self, change: Callable[[], None]) -> None:
        """Change the file. A problem is logged once: it concerns only what is shown."""
        try:
            change()
            self._problem = ""
        except OSError as error:
            if self._problem != str(error):
                self._problem = str(error)
                log.warning("status of circuit breakers not written", reason=str(error))


def _listed(one: BreakerState, now: Timestamp) -> OpenBreaker:
    def wall(seconds: float) -> str:
        return rfc3339(now.wall_ns + round(seconds * _NANOSECONDS) - now.monotonic_ns)

    return OpenBreaker(one.target, wall(one.opened), wall(one.until), one.reason)
