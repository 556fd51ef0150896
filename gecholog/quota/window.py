"""The window over which tokens are counted. No clock, no I/O: times are in milliseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gecholog.quota.period import FOREVER, Period, bounds


@dataclass(frozen=True, slots=True)
class Window:
    """A fixed or sliding window of `period` milliseconds.

    Fixed: periods follow each other, one of them began at `began`, and usage counts in its own period. Sliding: usage
    counts for the length of a period. Usage is grouped into buckets that count from their latest use, so it counts for
    one period at least, and for one part of it more at most, of `parts`.
    """

    period: int
    began: int = 0
    sliding: bool = False
    parts: int = 60

    def bucket_bounds(self, when: int) -> tuple[int, int]:
        """Return the start and end of the bucket for a time."""
        width = max(1, self.period // self.parts) if self.sliding else self.period
        begins = when - (when - self.began) % width
        return begins, begins + width

    def enters(self, when: int) -> int:
        """Return when usage starts to count. In a sliding window it counts already before, because clocks differ."""
        return when - self.period if self.sliding else self.bucket_bounds(when)[0]

    def leaves(self, when: int) -> int:
        """Return when usage stops to count."""
        return when + self.period if self.sliding else self.bucket_bounds(when)[1]

    def keeps(self, when: int, now: int) -> bool:
        """Tell whether usage counts now or soon. A time more than one period ahead comes from a wrong clock."""
        return now < self.leaves(when) and when <= now + self.period

    def changed(self, period: int, now: int, *, sliding: bool) -> Window:
        """Return the window of a new config. The current period keeps its start."""
        began = now if self.sliding else self.bucket_bounds(now)[0]
        return Window(period, began, sliding)

    def beginning(self, began: int) -> Window:
        """Return this window with another start of the periods."""
        return replace(self, began=began)


@dataclass(frozen=True, slots=True)
class CalendarWindow:
    """The current calendar period of a time zone."""

    period: Period
    time_zone: str = "UTC"

    @property
    def name(self) -> str:
        """What this window is called in the key-value bucket and on disk."""
        return self.period.value if self.time_zone == "UTC" else f"{self.period.value}@{self.time_zone}"

    def bucket_bounds(self, when: int) -> tuple[int, int]:
        """Return the start and end of the period of a time."""
        return bounds(self.period, self.time_zone, when)

    def enters(self, when: int) -> int:
        """Return when usage starts to count."""
        return self.bucket_bounds(when)[0]

    def leaves(self, when: int) -> int:
        """Return when usage stops to count."""
        return self.bucket_bounds(when)[1]

    def keeps(self, when: int, now: int) -> bool:
        """Tell whether usage counts now or in the next period. A later time comes from a wrong clock."""
        ends = self.leaves(now)
        return now < self.leaves(when) and (ends == FOREVER or when < self.leaves(ends))
