"""Which occurrences of a thing that repeats are logged: the first, then at most one an interval."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


_MOST_KEYS = 1000


class LogThrottle:
    """Counts what happens again and again, and admits one log line per key and interval.

        if occurrences := throttle.admit("sink unavailable"):
            log.error("sink unavailable", occurrences=occurrences)

    A key is a message, or what a message is about. Of more than a thousand keys, the one that was logged first is
    forgotten, so that keys which come from outside cannot fill the memory.
    """

    def __init__(self, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._logged_at: dict[Hashable, float] = {}
        self._unlogged: dict[Hashable, int] = {}

    def admit(self, key: Hashable) -> int:
        """Count one occurrence. Returns how many a line logged now stands for, 0 if no line is due."""
        occurrences = self._unlogged.pop(key, 0) + 1
        now = self._clock()
        if key in self._logged_at and now - self._logged_at[key] < self._interval_s:
            self._unlogged[key] = occurrences
            return 0
        self._logged_at.pop(key, None)  # the order of keys is that of their last lines
        self._logged_at[key] = now
        if len(self._logged_at) > _MOST_KEYS:
            oldest = next(iter(self._logged_at))
            del self._logged_at[oldest]
            self._unlogged.pop(oldest, None)
        return occurrences
