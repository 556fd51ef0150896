"""A circuit breaker on the bus, and the pauses between tries. Pure: whoever asks brings the time.

Closed: records go to the bus. Open: the bus does not acknowledge what was sent, so records go straight to the journal
and nobody waits for the bus. Half-open: one record at a time is tried, by the recorder. Any acknowledgement closes it.
"""

from __future__ import annotations

import math

from gecholog.backoff import exponential

_GRACE = 1.5  # seconds since the last acknowledgement, within which a failure says nothing about the bus as a whole
_FIRST_PAUSE = 0.1  # seconds
_LONGEST_PAUSE = 2.0


class Breaker:
    """Whether the bus acknowledges. Times are a steady clock's seconds."""

    __slots__ = ("_acknowledged", "is_open", "reason")

    def __init__(self) -> None:
        self.is_open = False
        self.reason = ""  # why it is open
        self._acknowledged = -math.inf  # when the bus did so last

    def acknowledged(self, now: float) -> None:
        """The bus has answered of late. To be said now and then, not for each record."""
        self._acknowledged = now

    def close(self) -> None:
        """The bus answers, if only to refuse."""
        self.is_open = False

    def failed(self, reason: str, now: float) -> None:
        """A record was not answered."""
        if self.is_open or now - self._acknowledged >= _GRACE:
            self.trip(reason)

    def trip(self, reason: str) -> None:
        """Open, whatever was before."""
        self.is_open, self.reason = True, reason


def pause(failures: int, chance: float) -> float:
    """Seconds until the next try after so many failures in a row.

    They double up to a limit; `chance`, from 0 to 1, spreads them, so that several gateways do not come at once.
    """
    return exponential(failures, _FIRST_PAUSE, _LONGEST_PAUSE) * (0.5 + 0.5 * chance)
