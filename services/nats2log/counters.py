"""The counters of a sink, for its status line and for replies to status requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class SinkCounters:
    """Counters since the start of the process."""

    written: int = 0
    failed_attempts: int = 0  # records times attempts
    dead_letters: int = 0
    lost: int = 0  # given up without a dead letter
    redelivered: int = 0  # delivered again by the record stream
    duplicates_left_out: int = 0  # of these: already written
    dropped: int = 0  # dropped by the record stream before delivery
    outage: str = ""  # why the destination is unavailable, empty if it is not
    outage_since: str = ""
    _last_written: int = field(default=0, init=False)

    def as_fields(self) -> dict[str, Any]:
        """Return the counters by name."""
        return {
            "written": self.written,
            "failed_attempts": self.failed_attempts,
            "dead_letters": self.dead_letters,
            "lost": self.lost,
            "redelivered": self.redelivered,
            "duplicates_left_out": self.duplicates_left_out,
            "dropped": self.dropped,
        }

    def written_since_last(self) -> int:
        """Return the number of records written since the previous call."""
        written, self._last_written = self.written - self._last_written, self.written
        return written
