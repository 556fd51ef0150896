"""Where the latest calls of a filter are, told by the sums of hours and days.

A page of a history so reads the calls that it shows and few others, also if the last calls of a filter are months ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gecholog.ledger.filters import TimeRange
from gecholog.ledger.queries import lists
from gecholog.ledger.rows import DAY_US, HOUR_US
from gecholog.ledger.tables import GROUPS

_LAST_HOURS = 48
_LAST_DAYS, _LONGER = 7, 4  # then days: those of a week, of four weeks before, …
_HOURS = DAY_US // HOUR_US


async def enough_since(connection: AsyncConnection, ids: Sequence[int], asked: TimeRange, wanted: int) -> int:
    """A time since which there are at least `wanted` calls of these groups in a range, else the start of the range."""
    first, end = -(-asked.start_us // HOUR_US), asked.end_us // HOUR_US
    hours = await _counts(connection, ids, HOUR_US, max(first, end - _LAST_HOURS), end)
    found = _reached(hours, wanted)
    if found is not None:
        return found * HOUR_US
    first_day, end_day = -(-asked.start_us // DAY_US), asked.end_us // DAY_US
    later, length = 0, _LAST_DAYS
    while end_day > first_day:
        days = await _counts(connection, ids, DAY_US, max(first_day, end_day - length), end_day)
        day = _reached(days, wanted - later)
        if day is not None:
            later += sum(count for at, count in days if at > day)
            hours = await _counts(connection, ids, HOUR_US, day * _HOURS, (day + 1) * _HOURS)
            found = _reached(hours, wanted - later)
            return day * DAY_US if found is None else found * HOUR_US
        later += sum(count for _, count in days)
        end_day, length = end_day - length, length * _LONGER
    return asked.start_us


def _reached(counts: Iterable[tuple[int, int]], wanted: int) -> int | None:
    """The hour or day at which counts, the latest first, reach a number."""
    total = 0
    for at, count in counts:
        total += count
        if total >= wanted:
            return at
    return None


async def _counts(
    connection: AsyncConnection, ids: Sequence[int], unit: int, first: int, end: int
) -> list[tuple[int, int]]:
    """The calls of each hour or day in [first, end), the latest first."""
    table = GROUPS.hourly if unit == HOUR_US else GROUPS.daily
    period = table.c["hour" if unit == HOUR_US else "day"]
    chosen = lists.numbers(connection.dialect.name, ("group_id",), ((one,) for one in ids))
    statement = (
        select(period, func.sum(table.c.calls))
        .where(period >= first, period < end, (table.c.group_id + 0).in_(select(chosen.c.group_id)))
        .group_by(period)
        .order_by(period.desc())
    )
    return [(int(at), int(count)) for at, count in await connection.execute(statement)]
