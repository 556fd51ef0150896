"""Calendar periods over which a budget counts. Times are in milliseconds since 1970. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

FOREVER = 2**53
"""The end of a period that has none. JSON readers with doubles read it exactly."""

_OFFSET = re.compile(r"([+-])([0-9]{2}):(00|15|30|45)")  # those of all time zones; `bounds` relies on the quarters
_DECEMBER = 12


class Period(Enum):
    """How long a budget counts before it begins anew."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"
    TOTAL = "total"  # it never begins anew


def zone(name: str) -> tzinfo:
    """The time zone of a name such as `UTC`, `+02:00` or `Europe/Stockholm`. Raises ValueError if it is unknown."""
    if name == "UTC":
        return UTC
    try:
        if (offset := _OFFSET.fullmatch(name)) is None:
            return ZoneInfo(name)
        sign, hours, minutes = offset.groups()
        distance = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-distance if sign == "-" else distance)
    except (OSError, KeyError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError("must be UTC, an offset such as +02:00, or a time zone of this machine") from error


@lru_cache(maxsize=256)
def _bounds(period: Period, time_zone: str, quarter: int) -> tuple[int, int]:
    """The bounds of the day, week or month of a quarter of an hour, which is numbered from 1970."""
    local = datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone(time_zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    match period:
        case Period.DAY:
            return _milliseconds(midnight), _milliseconds(midnight + timedelta(days=1))
        case Period.WEEK:
            monday = midnight - timedelta(days=midnight.weekday())
            return _milliseconds(monday), _milliseconds(monday + timedelta(days=7))
        case _:
            first = midnight.replace(day=1)
            year, month = (first.year + 1, 1) if first.month == _DECEMBER else (first.year, first.month + 1)
            return _milliseconds(first), _milliseconds(first.replace(year=year, month=month))


def bounds(period: Period, time_zone: str, now: int) -> tuple[int, int]:
    """When the period that contains `now` begins and ends. Raises ValueError if the time zone is unknown."""
    if period is Period.TOTAL:
        return 0, FOREVER
    if period is Period.HOUR:
        offset = _offset(time_zone, now // 900_000)
        begins = (now + offset) // 3_600_000 * 3_600_000 - offset
        return begins, begins + 3_600_000
    return _bounds(period, time_zone, now // 900_000)


@lru_cache(maxsize=256)
def _offset(time_zone: str, quarter: int) -> int:
    """The distance of a time zone from UTC in milliseconds. Zones change theirs at quarters of an hour."""
    shift = datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone(time_zone)).utcoffset()
    return 0 if shift is None else int(shift.total_seconds() * 1000)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
