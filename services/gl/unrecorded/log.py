"""Logs requests that are refused without a record: the first of each kind at once, the others once a minute."""

from __future__ import annotations

import asyncio

from gecholog.logs import Log
from services.gl.unrecorded.counts import EVERY_S, Unrecorded, UnrecordedCount

log = Log("gateway")


class UnrecordedLog:
    """Counts refused requests and logs them, until it is closed."""

    def __init__(self) -> None:
        self._unrecorded = Unrecorded()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def observe(self, path: str, status: int) -> None:
        """A request for `path` was refused with `status`."""
        first = self._unrecorded.observe(path, status)
        if first is not None:
            _write(first)
        if self._timer is None:
            self._schedule()

    def close(self) -> None:
        """Log what has not been logged yet, and stop the timer."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._flush()

    def _flush(self) -> None:
        self._timer = None
        for line in self._unrecorded.flush():
            _write(line)
        if not self._unrecorded.is_empty:
            self._schedule()

    def _schedule(self) -> None:
        if not self._is_closed:
            self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._flush)


def _write(line: UnrecordedCount) -> None:
    log.warning("requests refused without a record", path=line.path, status=line.status, requests=line.requests)
