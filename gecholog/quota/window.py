"""The window over which tokens are counted. No clock, no I/O: times are in milliseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass, replace

_BUCKETS_PER_WINDOW = 60  # of a sliding window


@dataclass(frozen=True, slots=True)
class Window:
    """A fixed or sliding window of `period` milliseconds.

    Fixed: periods follow each other, one of them began at `began`, and usage counts in its own period. Sliding: usage
    counts for the length of a period. Usage is grouped into buckets that count from their latest use, so it counts for
    one period at least, and for a sixtieth more at most.
    """

    period: int
    began: int = 0
    sliding: bool = False

    def bucket_bounds(self, when: int) -> tuple[int, int]:
        """Return the start and end of the bucket for a time."""
        width = max(1, self.period // _BUCKETS_PER_WINDOW) if self.sliding else self.period
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
