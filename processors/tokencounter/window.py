"""The time over which tokens are counted. No clock, no I/O: times are milliseconds since 1970, given by the caller."""

from __future__ import annotations

from dataclasses import dataclass, replace

_SLICES = 60  # parts of a sliding window: uses are kept together for a sixtieth of it


@dataclass(frozen=True, slots=True)
class Window:
    """Fixed: one period follows the other, `began` is when some period began, and a use counts in its own period.

    Sliding: a use counts from when it was made until `period` later. Uses of one slice are kept as one, which counts
    from the latest of them: a use counts for a `period` at least and a sixtieth more at most.
    """

    period: int
    began: int = 0
    sliding: bool = False

    def slice(self, when: int) -> tuple[int, int]:
        """Beginning and end of the time whose uses are kept together."""
        width = max(1, self.period // _SLICES) if self.sliding else self.period
        begins = when - (when - self.began) % width
        return begins, begins + width

    def enters(self, when: int) -> int:
        """When a use begins to count. Clocks differ: in a sliding window one that is yet to come counts already."""
        return when - self.period if self.sliding else self.slice(when)[0]

    def leaves(self, when: int) -> int:
        """When a use does not count any more."""
        return when + self.period if self.sliding else self.slice(when)[1]

    def keeps(self, when: int, now: int) -> bool:
        """Tell whether a use counts now or soon. What is ahead by more than a period comes from a wrong clock."""
        return now < self.leaves(when) and when <= now + self.period

    def changed(self, period: int, now: int, *, sliding: bool) -> Window:
        """The window of a new config: the present period keeps its beginning."""
        began = now if self.sliding else self.slice(now)[0]
        return Window(period, began, sliding)

    def beginning(self, began: int) -> Window:
        """The same with other beginnings of periods."""
        return replace(self, began=began)
