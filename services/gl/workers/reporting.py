"""What a worker reports to its parent, in place of the files that a single process writes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from gecholog.breakerstatus import OpenBreaker
    from gecholog.recordstatus import RecordStatus

    Tell = Callable[[str, Any], None]

RECORDS = "records"
"""The message with the status of a worker's records."""

BREAKERS = "breakers"
"""The message with a worker's circuit breakers that are not closed."""


class ReportedRecords:
    """Takes the place of `gecholog.recordstatus.RecordStatusFile`."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def write(self, status: RecordStatus) -> None:
        """Report a status."""
        self._tell(RECORDS, asdict(status))

    def read(self) -> RecordStatus | None:
        """Nothing: the parent counts the losses of earlier processes."""
        return None


class ReportedBreakers:
    """Takes the place of `gecholog.breakerstatus.BreakerStatusFile`."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def write(self, breakers: Iterable[OpenBreaker]) -> None:
        """Report the breakers that are not closed."""
        self._tell(BREAKERS, [asdict(one) for one in breakers])

    def remove(self) -> None:
        """Report that there are none any more."""
        self._tell(BREAKERS, [])
