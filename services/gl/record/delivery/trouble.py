"""How the records fare, seen over time: what ginit, healthcheck and the log are told.

Pure: whoever asks brings the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gecholog.recordstatus import RecordStatus

_STALL = 2.0  # seconds without an acknowledgement, while records wait for one
_FAILING_AFTER = 3.0  # seconds; a bus that is started anew is no failure yet
_LOSS_SHOWN = 60.0  # seconds for which a loss makes a gateway unhealthy


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen at a moment. `trouble` says why records are not stored, empty if they are."""

    trouble: str
    stalled: bool
    waiting: int
    held: int
    lost: int
    damaged: int


class Stall:
    """Notices that the bus has stopped to acknowledge, from looks now and then."""

    def __init__(self) -> None:
        self._acknowledged = -1
        self._since = -math.inf

    def looked(self, now: float, *, unconfirmed: int, acknowledged: int) -> bool:
        """Whether nothing was acknowledged for a while, `acknowledged` being a count, though something should be."""
        if not unconfirmed or acknowledged != self._acknowledged:
            self._acknowledged, self._since = acknowledged, now
        return now - self._since >= _STALL


class Trouble:
    """Turns what is seen into a status."""

    def __init__(self, before: RecordStatus | None = None) -> None:
        """`before` is what an earlier process said: what was lost stays on the count."""
        self._lost_before = before.lost if before else 0
        self._damaged_before = before.damaged if before else 0
        self._since: float | None = None
        self._lost = 0
        self._lost_at = -math.inf

    def looked(self, now: float, sight: Sight) -> RecordStatus:
        """The status at this moment."""
        if not sight.trouble:
            self._since = None
        elif self._since is None:
            self._since = now
        if sight.lost > self._lost:
            self._lost, self._lost_at = sight.lost, now
        reasons = []
        if self._since is not None and now - self._since >= _FAILING_AFTER:
            reasons.append(sight.trouble)
        lost = self._lost_before + sight.lost
        if now - self._lost_at < _LOSS_SHOWN:
            reasons.append(f"{lost} records lost")
        return RecordStatus(
            failing=bool(reasons),
            stalled=sight.stalled and self._since is not None and now - self._since >= _FAILING_AFTER,
            reason=", ".join(reasons),
            waiting=sight.waiting,
            held=sight.held,
            lost=lost,
            damaged=self._damaged_before + sight.damaged,
        )
