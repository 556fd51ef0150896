"""The record status of the gateways: their problems with records are problems of the appliance.

After a full disk, a stream rejects records until nats-server is restarted, even if there is space again. A gateway
detects that (the bus responds, the stream does not) and reports it in its status file.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

from gecholog.recordstatus import RecordStatusFile
from services.ginit.decision.bus_restart import BusRestartPolicy
from services.ginit.decision.events import RecordProblems, RestartWanted
from services.ginit.decision.state import SERVING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gecholog.recordstatus import RecordStatus
    from services.ginit.decision.events import Event
    from services.ginit.decision.state import Appliance

_INTERVAL_S = 1.0
_MIN_FREE = 16 * 1024 * 1024  # bytes on the disk; with less, a stream would fail again


class RecordWatch:
    """Reads the status files of the gateways that serve, and reports problems as events."""

    def __init__(self, home: Path, state: Callable[[], Appliance], report: Callable[[Event], None]) -> None:
        self._home = home
        self._state = state
        self._report = report
        self._problems: tuple[str, ...] = ()
        self._bus_restart = BusRestartPolicy()

    async def run(self) -> None:
        """Read once a second, until cancelled."""
        while True:
            self.read(time.monotonic())
            await asyncio.sleep(_INTERVAL_S)

    def read(self, now: float) -> None:
        """Read once; `now` is in seconds of a monotonic clock."""
        found = dict(self._found())
        problems = tuple(f"records of {name}: {status.reason}" for name, status in found.items() if status.failing)
        if problems != self._problems:
            self._problems = problems
            self._report(RecordProblems(problems))
        is_stalled = any(status.stalled for status in found.values())
        has_space = not is_stalled or self._has_space()
        self._bus_restart, restart_now = self._bus_restart.observe(now, is_stalled=is_stalled, has_space=has_space)
        if restart_now:
            for service in self._state().services:
                if service.definition.is_nats_server:
                    self._report(
                        RestartWanted(service.name, "its stream accepts no records although the disk has room")
                    )

    def _found(self) -> Iterator[tuple[str, RecordStatus]]:
        for service in self._state().services:
            if service.phase in SERVING:
                status = RecordStatusFile.of(service.definition.alias, self._home).read()
                if status is not None:
                    yield service.name, status

    def _has_space(self) -> bool:
        try:
            return shutil.disk_usage(self._home).free >= _MIN_FREE
        except OSError:
            return False
