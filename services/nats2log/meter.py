"""What a sink counts: for the line in the log once a minute, and for the answer to a status request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Meter:
    """Counters since the start of the process."""

    written: int = 0
    failed_attempts: int = 0  # records times attempts
    dead_letters: int = 0
    lost: int = 0  # given up without even a dead letter
    redelivered: int = 0  # came again from the record log
    duplicates_left_out: int = 0  # of these: known to be written already
    dropped: int = 0  # fell out of the record log before they came here
    outage: str = ""  # why the target takes nothing now
    outage_since: str = ""
    _last_written: int = field(default=0, init=False)

    def counts(self) -> dict[str, Any]:
        """The counters by name."""
        return {
            "written": self.written,
            "failed_attempts": self.failed_attempts,
            "dead_letters": self.dead_letters,
            "lost": self.lost,
            "redelivered": self.redelivered,
            "duplicates_left_out": self.duplicates_left_out,
            "dropped": self.dropped,
        }

    def since_last(self) -> int:
        """Records written since this was asked the last time."""
        written, self._last_written = self.written - self._last_written, self.written
        return written
