"""Says how the records fare: to the log, and to a file for ginit and healthcheck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.gl.record.delivery.trouble import Trouble

if TYPE_CHECKING:
    from gecholog.recordstatus import RecordStatus, RecordStatusFile
    from services.gl.record.delivery.trouble import Sight

log = Log("records")


class Report:
    """What was said last, and says what is new."""

    def __init__(self, file: RecordStatusFile | None) -> None:
        """What an earlier process had lost stays on the count of `file`."""
        self._file = file
        self._trouble = Trouble(file.read() if file else None)
        self._last: RecordStatus | None = None
        self._is_written = True

    def look(self, now: float, sight: Sight) -> None:
        """Say what has changed; `now` is a steady clock's time in seconds."""
        status = self._trouble.looked(now, sight)
        before, self._last = self._last, status
        if status != before:
            _say(before, status)
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


def _say(before: RecordStatus | None, status: RecordStatus) -> None:
    numbers = {"waiting": status.waiting, "held": status.held, "lost": status.lost}
    if status.failing and not (before and before.failing and before.lost == status.lost):
        log.error("records are at risk", reason=status.reason, **numbers)
    elif before and before.failing and not status.failing:
        log.warning("records are stored again", **numbers)
