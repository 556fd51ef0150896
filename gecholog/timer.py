"""Timers of the record: when something began, when it ended, how many milliseconds between.

What happens in a call is noted as a tick of the steady clock, one number that costs next to nothing, and is never
wrong about how long something took. Only when a record is written, ticks become times of day.
"""

from __future__ import annotations

from time import gmtime, monotonic_ns, strftime, time_ns
from typing import NamedTuple

from orjson import Fragment

_SECOND = 1_000_000_000  # nanoseconds
_TRUSTED = 100_000_000  # nanoseconds after which the two clocks are compared again: the wall clock may have been set

Tick = int
"""A point in time: nanoseconds of the steady clock, which means nothing to another process."""

tick = monotonic_ns
"""The present tick."""


class Moment(NamedTuple):
    """A point in time by both clocks: `wall` nanoseconds since 1970 (for people and other machines), and `tick`."""

    wall: int
    tick: Tick


def now() -> Moment:
    """The present moment."""
    return Moment(time_ns(), monotonic_ns())


def rfc3339(wall: int) -> str:
    """Nanoseconds since 1970 as text in UTC with nine decimals (RFC 3339, section 5.6)."""
    second, rest = divmod(wall, _SECOND)
    return f"{_date(second)}.{rest:09d}Z"


_date_cache: tuple[int, str] = (0, "1970-01-01T00:00:00")


def _date(second: int) -> str:
    """Date and time without the fraction. Many ask for the same second: the last is kept."""
    global _date_cache  # noqa: PLW0603 - a cache of one, replaced as a whole, so threads cannot tear it
    kept, date = _date_cache
    if kept == second:
        return date
    date = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
    _date_cache = (second, date)
    return date


class _Second(NamedTuple):
    """A second of the wall clock: its ticks, up to where they are trusted; wall less tick; its date."""

    first: Tick
    end: Tick
    offset: int
    date: str


_second = _Second(0, 0, 0, "")


def _second_of(moment: Tick) -> _Second:
    """The second in which a tick is, by the wall clock as it goes now."""
    global _second  # noqa: PLW0603 - as above
    present = monotonic_ns()
    offset = time_ns() - present
    number = (moment + offset) // _SECOND
    first = number * _SECOND - offset
    second = _second = _Second(first, min(first + _SECOND, present + _TRUSTED), offset, _date(number))
    return second


def span(start: Tick, stop: Tick) -> Fragment:
    """`{"start", "stop", "duration"}` as JSON: RFC 3339 texts and whole milliseconds, never negative."""
    return Fragment(span_text(start, stop))


def span_text(start: Tick, stop: Tick) -> str:
    """`span` as text."""
    second = _second  # once: a thread may put another in its place
    first, end, offset, date = second
    if not first <= start <= stop < end:
        stop = max(start, stop)
        first, _, offset, date = second if first <= stop < end else _second_of(stop)
        if start < first:
            began = rfc3339(start + offset)
            return f'{{"start":"{began}","stop":"{date}.{stop - first:09d}Z","duration":{(stop - start) // 1_000_000}}}'
    parts = (date, start - first, date, stop - first, (stop - start) // 1_000_000)
    return '{"start":"%s.%09dZ","stop":"%s.%09dZ","duration":%d}' % parts  # noqa: UP031 - an f-string takes longer


def wall_of(moment: Tick) -> int:
    """Nanoseconds since 1970 of a tick, by the wall clock as it goes now."""
    return time_ns() - monotonic_ns() + moment
