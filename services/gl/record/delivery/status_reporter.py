"""Reports the status of record delivery: in the log, and in a file for ginit and healthcheck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.gl.record.delivery.delivery_status import StatusTracker

if TYPE_CHECKING:
    from gecholog.recordstatus import RecordStatus, RecordStatusStore
    from services.gl.record.delivery.delivery_status import DeliveryState

log = Log("records")


class StatusReporter:
    """Keeps the last status, and reports changes."""

    def __init__(self, file: RecordStatusStore | None) -> None:
        """`file` may have the count of records that an earlier process lost; counting continues from there."""
        self._file = file
        self._tracker = StatusTracker(file.read() if file else None)
        self._last: RecordStatus | None = None
        self._is_written = True

    def update(self, now: float, state: DeliveryState) -> None:
        """Report the status if it has changed. `now` is the time of a monotonic clock in seconds."""
        status = self._tracker.update(now, state)
        before, self._last = self._last, status
        if status != before:
            _log_change(before, status)
        if status != before or not self._is_written:
            self._write(status)

    def _write(self, status: RecordStatus) -> None:
        if self._file is None:
            return
        was_written = self._is_written
        try:
            self._file.write(status)
        except OSError as error:
            self._is_written = False
            if was_written:
                log.error("cannot write record status file", reason=str(error))
        else:
            self._is_written = True


def _log_change(before: RecordStatus | None, status: RecordStatus) -> None:
    numbers = {"waiting": status.waiting, "held": status.held, "lost": status.lost}
    if status.failing and not (before and before.failing and before.lost == status.lost):
        log.error("records are at risk", reason=status.reason, **numbers)
    elif before and before.failing and not status.failing:
        log.warning("records are stored again", **numbers)
