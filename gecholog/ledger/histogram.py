"""Latency histograms with fixed logarithmic buckets, which can be added up over hours, models and clients. Pure.

Eight buckets a decade, from 1 ms to 1,000 s: a bucket is a third wider than the one before. A percentile is
interpolated inside its bucket, so it is off by a third at most, and by much less as a rule.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

_PER_DECADE = 8
_DECADES = 6
_FIRST_US = 1000

BOUNDS_US = tuple(round(_FIRST_US * 10 ** (step / _PER_DECADE)) for step in range(_DECADES * _PER_DECADE + 1))
"""Upper bounds of all buckets but the last, in microseconds, inclusive."""

SIZE = len(BOUNDS_US) + 1
"""Number of buckets. The last one holds what is above all bounds."""


def bucket_of(duration_us: int) -> int:
    """The bucket of a duration in microseconds."""
    return bisect_left(BOUNDS_US, duration_us)


def percentile_us(counts: Sequence[int], percent: float) -> int | None:
    """The percentile (0 < percent <= 100) of a histogram in microseconds; None if it is empty.

    Interpolated linearly between the bounds of its bucket. In the last bucket it is the highest bound.
    """
    total = sum(counts)
    if not total:
        return None
    rank = total * percent / 100
    seen = 0
    for bucket, count in enumerate(counts):
        if count and seen + count >= rank:
            return _inside(bucket, (rank - seen) / count)
        seen += count
    return BOUNDS_US[-1]


def _inside(bucket: int, part: float) -> int:
    if bucket >= len(BOUNDS_US):
        return BOUNDS_US[-1]
    lower = BOUNDS_US[bucket - 1] if bucket else 0
    return round(lower + (BOUNDS_US[bucket] - lower) * part)
