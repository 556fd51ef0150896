"""The status files that a parent writes for all of its workers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gecholog.breakerstatus import BreakerStatusFile
from gecholog.logs import Log
from gecholog.recordstatus import RecordStatus, RecordStatusFile
from gecholog.workerstatus import WorkerStatus, WorkerStatusFile
from services.gl.workers import combined

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from services.gl.workers.process import WorkerProcess

log = Log("workers")


class StatusFiles:
    """Writes a file when what it says has changed. A problem is logged once: it concerns only what is shown."""

    def __init__(self, alias: str, home: Path) -> None:
        self._records = RecordStatusFile.of(alias, home)
        self._breakers = BreakerStatusFile.of(alias, home)
        self._workers = WorkerStatusFile.of(alias, home)
        self._gone = self._records.read() or RecordStatus()
        self._written: dict[str, object] = {}
        self._problem = ""

    def are_workers_alive(self) -> bool:
        """Whether workers of an earlier parent are still running, according to its file."""
        earlier = self._workers.read()
        return earlier is not None and any(map(_is_running, earlier.pids))

    def ended(self, worker: WorkerProcess) -> None:
        """Keep the losses of a worker that has ended."""
        self._gone = combined.losses(self._gone, worker.records)

    def update(self, workers: Collection[WorkerProcess], wanted: int, restarts: int) -> None:
        """Write what the workers have reported, and how many there are."""
        records = combined.record_status([one.records for one in workers], self._gone)
        breakers = combined.open_breakers(one.breakers for one in workers)
        serving = sum(one.is_serving for one in workers)
        status = WorkerStatus(wanted, serving, restarts, tuple(one.pid for one in workers))
        self._write("records", records, lambda: self._records.write(records))
        self._write("breakers", breakers, lambda: self._breakers.write(breakers))
        self._write("workers", status, lambda: self._workers.write(status))

    def remove(self) -> None:
        """Remove the files of a gateway that has stopped. The losses of records stay."""
        self._attempt(self._breakers.remove)
        self._attempt(self._workers.remove)

    def _write(self, name: str, content: object, write: Callable[[], None]) -> None:
        if self._written.get(name) != content and self._attempt(write):
            self._written[name] = content

    def _attempt(self, change: Callable[[], None]) -> bool:
        try:
            change()
        except OSError as error:
            if self._problem != str(error):
                self._problem = str(error)
                log.warning("status of workers not written", reason=str(error))
            return False
        return True


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user: not one of ours
        return False
    return True
