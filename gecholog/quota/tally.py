"""The usage of one subject in one window as numbers that calls read and change, in front of its meter. Pure.

A meter adds up dicts per bucket and replica. Calls would do that several times each, so they count here, and what they
count reaches the meter when someone asks for it, or when its bucket ends. Times are in milliseconds since 1970.
"""

from __future__ import annotations

from gecholog.quota.limits import NANO_USD, TOKENS
from gecholog.quota.meter import Meter, WindowLike
from gecholog.quota.subject import REQUESTS

_FIELDS = (REQUESTS, TOKENS, NANO_USD)


class Tally:
    """`requests`, `tokens` and `nano_usd` are what counts from `since` until `until`; `refresh` before any other time.

    Set `last` to the time of each addition.
    """

    __slots__ = ("_known", "_meter", "last", "nano_usd", "requests", "since", "tokens", "until")

    def __init__(self, window: WindowLike) -> None:
        self._meter = Meter(window)
        self._known = (0, 0, 0)  # the numbers that the meter has
        self.requests = self.tokens = self.nano_usd = 0
        self.since = self.until = self.last = 0

    def refresh(self, now: int) -> None:
        """Make the numbers valid for a time."""
        meter = self.meter()
        used = meter.used(now)
        self._known = self.requests, self.tokens, self.nano_usd = (
            used.get(REQUESTS, 0),
            used.get(TOKENS, 0),
            used.get(NANO_USD, 0),
        )
        self.since, self.until = now, min(meter.until, meter.window.bucket_bounds(now)[1])

    def meter(self) -> Meter:
        """The meter with all that was counted. It may be changed: the numbers are read from it anew."""
        self.until = 0
        numbers = self.requests, self.tokens, self.nano_usd
        if numbers != self._known:
            pairs = zip(_FIELDS, numbers, self._known, strict=True)
            self._meter.add({field: number - known for field, number, known in pairs if number != known}, self.last)
            self._known = numbers
        return self._meter

    def unused_at(self, now: int) -> int:
        """When no usage counts any more, if there is no further usage."""
        if self.since <= now < self.until and self.last >= self.since and not self._meter.replicas:  # most calls
            return self._meter.window.leaves(self.last)
        return self.meter().unused_at(now)
