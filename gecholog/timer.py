"""Timers of the record: when something began, when it ended, how many milliseconds between."""

from __future__ import annotations

from time import gmtime, monotonic_ns, strftime, time_ns
from typing import NamedTuple

from orjson import Fragment

_SECOND = 1_000_000_000  # nanoseconds
_AGREE = 1_000_000  # nanoseconds by which two clocks may be apart over one span


class Moment(NamedTuple):
    """A point in time: `wall` nanoseconds since 1970 (for people), `tick` nanoseconds of a steady clock (for spans)."""

    wall: int
    tick: int


def now() -> Moment:
    """The present moment."""
    return _moment((time_ns(), monotonic_ns()))


def _moment(clocks: tuple[int, int]) -> Moment:
    return tuple.__new__(Moment, clocks)  # a third of what the class's own constructor costs


def rfc3339(wall: int) -> str:
    """Nanoseconds since 1970 as text in UTC with nine decimals (RFC 3339, section 5.6)."""
    digits = str(wall) if wall >= _SECOND else f"{wall:010d}"  # cutting them is cheaper than dividing
    seconds = digits[:-9]
    kept, date = _second_cache
    return f"{date if kept == seconds else _to_the_second(seconds)}.{digits[-9:]}Z"


_second_cache: tuple[str, str] = ("", "")


def _to_the_second(seconds: str) -> str:
    """Date and time without the fraction. Every record asks many times for the same second: the last is kept."""
    global _second_cache  # noqa: PLW0603 - a cache of one, replaced as a whole, so threads cannot tear it
    date = strftime("%Y-%m-%dT%H:%M:%S", gmtime(int(seconds)))
    _second_cache = (seconds, date)
    return date


def span(start: Moment, stop: Moment) -> Fragment:
    """`{"start", "stop", "duration"}` as JSON: RFC 3339 texts and whole milliseconds, never negative.

    Where the two clocks do not agree, the stop is reckoned from the steady one, so that a wall clock that is set
    meanwhile does no harm.
    """
    began, from_tick = start
    ended, to_tick = stop
    elapsed = to_tick - from_tick if to_tick > from_tick else 0
    if not 0 <= ended - began - elapsed + _AGREE <= 2 * _AGREE or ended < began:
        ended = began + elapsed
    return Fragment(f'{{"start":"{rfc3339(began)}","stop":"{rfc3339(ended)}","duration":{elapsed // 1_000_000}}}')
