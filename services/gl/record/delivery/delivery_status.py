"""Derives the status of record delivery for ginit, healthcheck and the log. Pure: times are arguments."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gecholog.recordstatus import RecordStatus

_STALL = 2.0  # seconds without an acknowledgement, while records wait for one
_FAILING_AFTER = 3.0  # seconds; a restart of the bus takes less
_LOSS_SHOWN = 60.0  # seconds for which a loss makes a gateway unhealthy


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The state of the delivery at one moment. `trouble` tells why records are not stored; empty if they are."""

    trouble: str
    stalled: bool
    waiting: int
    held: int
    lost: int
    damaged: int


class StallDetector:
    """Detects that the bus has stopped acknowledging."""

    def __init__(self) -> None:
        self._acknowledged = -1
        self._unchanged_since = -math.inf

    def update(self, now: float, *, unconfirmed: int, acknowledged: int) -> bool:
        """Return whether records are unconfirmed and the count `acknowledged` has not changed for a while."""
        if not unconfirmed or acknowledged != self._acknowledged:
            self._acknowledged, self._unchanged_since = acknowledged, now
        return now - self._unchanged_since >= _STALL


class StatusTracker:
    """Derives the status from successive states."""

    def __init__(self, before: RecordStatus | None = None) -> None:
        """`before` is the status of an earlier process: its counts of losses are continued."""
        self._lost_before = before.lost if before else 0
        self._damaged_before = before.damaged if before else 0
        self._trouble_since: float | None = None
        self._lost = 0
        self._lost_at = -math.inf

    def update(self, now: float, state: DeliveryState) -> RecordStatus:
        """Return the status at this moment."""
        if not state.trouble:
            self._trouble_since = None
        elif self._trouble_since is None:
            self._trouble_since = now
        if state.lost > self._lost:
            self._lost, self._lost_at = state.lost, now
        reasons = []
        if self._trouble_since is not None and now - self._trouble_since >= _FAILING_AFTER:
            reasons.append(state.trouble)
        lost = self._lost_before + state.lost
        if now - self._lost_at < _LOSS_SHOWN:
            reasons.append(f"{lost} records lost")
        return RecordStatus(
            failing=bool(reasons),
            stalled=state.stalled and self._trouble_since is not None and now - self._trouble_since >= _FAILING_AFTER,
            reason=", ".join(reasons),
            waiting=state.waiting,
            held=state.held,
            lost=lost,
            damaged=self._damaged_before + state.damaged,
        )
