"""Timers of the record: when something started, when it stopped, and the milliseconds between.

A call stores `time.monotonic_ns()`, which costs next to nothing and is never wrong about a duration. These numbers
become times of day only when the record is written.
"""

from __future__ import annotations

from time import gmtime, monotonic_ns, strftime, time_ns
from typing import NamedTuple

from orjson import Fragment

_SECOND = 1_000_000_000  # nanoseconds
_TRUSTED = 100_000_000  # nanoseconds after which the two clocks are compared again: the wall clock may have been set

MonotonicNs = int
"""A reading of `time.monotonic_ns()`: nanoseconds that mean nothing to another process."""


class Timestamp(NamedTuple):
    """A time by both clocks: nanoseconds since 1970, for people and other machines, and the monotonic clock."""

    wall_ns: int
    monotonic_ns: MonotonicNs


def now() -> Timestamp:
    """The present time by both clocks."""
    return Timestamp(time_ns(), monotonic_ns())


def rfc3339(wall_ns: int) -> str:
    """Nanoseconds since 1970 as text in UTC with nine decimals (RFC 3339, section 5.6)."""
    second, rest = divmod(wall_ns, _SECOND)
    return f"{_date(second)}.{rest:09d}Z"


_date_cache: tuple[int, str] = (0, "1970-01-01T00:00:00")


def _date(second: int) -> str:
    """Date and time without the fraction. The last second is cached, because many callers ask for the same one."""
    global _date_cache  # noqa: PLW0603 - a cache of one, replaced as a whole, so threads cannot tear it
    kept, date = _date_cache
    if kept == second:
        return date
    date = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
    _date_cache = (second, date)
    return date


class _Second(NamedTuple):
    """A second of the wall clock: its monotonic bounds, the end cut off where the offset may be stale; its date.

    `offset` is wall-clock time minus monotonic time, in nanoseconds.
    """

    first: MonotonicNs
    end: MonotonicNs
    offset: int
    date: str


_second = _Second(0, 0, 0, "")


def _second_of(at: MonotonicNs) -> _Second:
    """The second of the wall clock that contains `at`, by the present offset between the clocks."""
    global _second  # noqa: PLW0603 - as above
    present = monotonic_ns()
    offset = time_ns() - present
    number = (at + offset) // _SECOND
    first = number * _SECOND - offset
    second = _second = _Second(first, min(first + _SECOND, present + _TRUSTED), offset, _date(number))
    return second


def span(start: MonotonicNs, stop: MonotonicNs) -> Fragment:
    """`{"start", "stop", "duration"}` as JSON: RFC 3339 texts and whole milliseconds, never negative."""
    return Fragment(span_text(start, stop))


def span_text(start: MonotonicNs, stop: MonotonicNs) -> str:
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


def wall_of(at: MonotonicNs) -> int:
    """Nanoseconds since 1970 of a monotonic time, by the present offset between the clocks."""
    return time_ns() - monotonic_ns() + at
