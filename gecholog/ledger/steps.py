"""The steps of a time series, and the local days of a time zone, as boundaries in microseconds. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gecholog.ledger.filters import SECOND_US, TimeRange

MOST = 2000
"""Steps of one series."""


def of_length(asked: TimeRange, seconds: int) -> list[int]:
    """The starts of steps of `seconds`, counted from 1970, that cover a range; then the end of the last one.

    Raises ValueError for more than `MOST` steps, or a length below one second.
    """
    if seconds < 1:
        raise ValueError("a step must be at least one second")
    length = seconds * SECOND_US
    first, end = asked.start_us // length, -(-asked.end_us // length)
    if end - first > MOST:
        raise ValueError(f"more than {MOST} steps: take longer ones")
    return [number * length for number in range(first, max(end, first + 1) + 1)]


def of_days(asked: TimeRange, zone: ZoneInfo) -> list[tuple[date, int]]:
    """The local days that a range touches, each with the time of its midnight; then the day after, as the end.

    A day has 23 or 25 hours where clocks change. Raises ValueError for more than `MOST` days.
    """
    first = datetime.fromtimestamp(asked.start_us / SECOND_US, zone).date()
    last = datetime.fromtimestamp(max(asked.start_us, asked.end_us - 1) / SECOND_US, zone).date()
    count = (last - first).days + 1
    if count > MOST:
        raise ValueError(f"more than {MOST} days")
    days = [first + timedelta(days=number) for number in range(count + 1)]
    return [(day, _midnight_us(day, zone)) for day in days]


def _midnight_us(day: date, zone: ZoneInfo) -> int:
    """The beginning of a local day. Where clocks skip midnight, it is the first time that exists."""
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp()) * SECOND_US
