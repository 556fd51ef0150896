"""Exponential back-off: pauses that double with each failure, up to a limit. Pure; callers add the jitter."""

from __future__ import annotations

_MOST_DOUBLINGS = 64  # 2.0 ** 1024 would raise OverflowError


def exponential(retry: int, first_s: float, longest_s: float) -> float:
    """Seconds to wait before a retry: `first_s` before the first one (`retry` is 0), then twice as long each time."""
    return min(first_s * 2.0 ** min(retry, _MOST_DOUBLINGS), longest_s)
