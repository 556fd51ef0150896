"""A circuit breaker for the bus, and the pauses between retries. Pure: times are arguments.

Closed: records are published. Open: the bus does not acknowledge, so records go straight to the journal and no call
waits for the bus. Half-open: the backlog publishes one record at a time. Any acknowledgement closes the breaker.
"""

from __future__ import annotations

import math

from gecholog.backoff import exponential

_GRACE = 1.5  # seconds after an acknowledgement in which a single failure does not open the breaker
_FIRST_PAUSE = 0.1  # seconds
_LONGEST_PAUSE = 2.0


class BusBreaker:
    """Whether the bus acknowledges records. Times are seconds of a monotonic clock."""

    __slots__ = ("_acknowledged", "is_open", "reason")

    def __init__(self) -> None:
        self.is_open = False
        self.reason = ""  # why it is open
        self._acknowledged = -math.inf  # time of the last acknowledgement

    def acknowledged(self, now: float) -> None:
        """Note that the bus acknowledges. Call it periodically, not for each record."""
        self._acknowledged = now

    def close(self) -> None:
        """Close: the bus replies, even if it refuses a record."""
        self.is_open = False

    def failed(self, reason: str, now: float) -> None:
        """Note that there was no reply to a record."""
        if self.is_open or now - self._acknowledged >= _GRACE:
            self.trip(reason)

    def trip(self, reason: str) -> None:
        """Open at once."""
        self.is_open, self.reason = True, reason


def retry_pause(failures: int, chance: float) -> float:
    """Seconds until the next retry after this number of consecutive failures.

    The pause doubles with each failure, up to a limit. `chance`, from 0 to 1, adds jitter, so that several gateways do
    not retry at the same time.
    """
    return exponential(failures, _FIRST_PAUSE, _LONGEST_PAUSE) * (0.5 + 0.5 * chance)
