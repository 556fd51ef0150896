"""Timers of the record: when something began, when it ended, how many milliseconds between."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, NamedTuple


class Moment(NamedTuple):
    """A point in time: `wall` nanoseconds since 1970 (for people), `tick` nanoseconds of a steady clock (for spans)."""

    wall: int
    tick: int


def now() -> Moment:
    """The present moment."""
    return Moment(time.time_ns(), time.monotonic_ns())


@lru_cache(maxsize=256)  # a record tells the same moment several times: the end of one span begins the next
def rfc3339(wall: int) -> str:
    """Nanoseconds since 1970 as text in UTC with nine decimals (RFC 3339, section 5.6)."""
    seconds, fraction = divmod(wall, 1_000_000_000)
    return f"{_to_the_second(seconds)}.{fraction:09d}Z"


_second_cache: tuple[int, str] = (-1, "")


def _to_the_second(seconds: int) -> str:
    """Date and time without the fraction. Every record asks several times for the same second: the last is kept."""
    global _second_cache  # noqa: PLW0603 - a cache of one, replaced as a whole, so threads cannot tear it
    kept, text = _second_cache
    if kept != seconds:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        _second_cache = (seconds, text)
    return text


def span(start: Moment, stop: Moment) -> dict[str, Any]:
    """`{"start", "stop", "duration"}`: RFC 3339 texts and whole milliseconds, never negative.

    The stop is reckoned from the steady clock, so that a wall clock that is set back meanwhile does no harm.
    """
    elapsed = max(0, stop.tick - start.tick)
    return {
        "start": rfc3339(start.wall),
        "stop": rfc3339(start.wall + elapsed),
        "duration": elapsed // 1_000_000,
    }
