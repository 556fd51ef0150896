"""The records of the gateways: what is wrong with them is what is wrong with the appliance.

A stream that has met a full disk takes no record any more, also when there is room again, until nats-server is started
anew. A gateway sees that (the bus answers, the stream does not) and says so in its status file.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

from gecholog.recordstatus import RecordStatusFile
from services.ginit.decision.events import ProblemsChanged, RestartWanted
from services.ginit.decision.remedy import Remedy
from services.ginit.decision.state import SERVING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gecholog.recordstatus import RecordStatus
    from services.ginit.decision.events import Event
    from services.ginit.decision.state import Appliance

_EVERY = 1.0  # seconds between two looks
_ROOM = 16 * 1024 * 1024  # bytes on the disk below which a stream would fail again at once


class RecordWatch:
    """Looks at the status files of the gateways that serve, and tells ginit what follows."""

    def __init__(self, home: Path, state: Callable[[], Appliance], tell: Callable[[Event], None]) -> None:
        self._home = home
        self._state = state
        self._tell = tell
        self._problems: tuple[str, ...] = ()
        self._remedy = Remedy()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look(time.monotonic())
            await asyncio.sleep(_EVERY)

    def look(self, now: float) -> None:
        """Look once; `now` is a steady clock's time in seconds."""
        found = dict(self._found())
        problems = tuple(f"records of {name}: {status.reason}" for name, status in found.items() if status.failing)
        if problems != self._problems:
            self._problems = problems
            self._tell(ProblemsChanged(problems))
        stalled = any(status.stalled for status in found.values())
        self._remedy, is_due = self._remedy.looked(now, is_stalled=stalled, has_room=not stalled or self._has_room())
        if is_due:
            for service in self._state().services:
                if service.definition.is_nats_server:
                    self._tell(RestartWanted(service.name, "its stream takes no records, and the disk has room"))

    def _found(self) -> Iterator[tuple[str, RecordStatus]]:
        for service in self._state().services:
            if service.phase in SERVING:
                status = RecordStatusFile.of(service.definition.alias, self._home).read()
                if status is not None:
                    yield service.name, status

    def _has_room(self) -> bool:
        try:
            return shutil.disk_usage(self._home).free >= _ROOM
        except OSError:
            return False
