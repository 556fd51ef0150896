"""Sums by time: steps of equal length, and local days."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from zoneinfo import ZoneInfo

from gecholog.ledger import steps
from gecholog.ledger.answers import Day, Point
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter, Dimension
from gecholog.ledger.queries.sums import Key, Sums, sums_by
from gecholog.ledger.queries.totals import Order
from gecholog.ledger.tables import COUNTS

_OF_A_DAY = ("total_tokens", "cost_pico", "unpriced")


async def time_series(  # noqa: PLR0913 - a question with many optional parts
    ledger: Database,
    asked: CallFilter,
    step_seconds: int,
    by: Dimension | None = None,
    *,
    order: Order = Order.CALLS,
    limit: int = 8,
    counts: Sequence[str] = COUNTS,
) -> list[Point]:
    """The totals of each step of `step_seconds`, counted from 1970, in order of time.

    With `by`, the totals of the `limit` groups that are the largest over the whole range, and of all others together
    (`is_rest`). `counts` are the fields of the totals that are needed: the others are 0, except `calls` and that of
    `order`. Steps of whole hours or days are read from roll-ups. Raises ValueError for too many steps.
    """
    starts = steps.of_length(asked.range, step_seconds)
    needed = COUNTS if counts == COUNTS else (*counts, order.value)
    async with ledger.reading() as connection:
        found = await sums_by(ledger, connection, asked, () if by is None else (by,), starts, counts=needed)
    if by is None:
        return [Point(starts[key[0]], "", found.totals(sums)) for key, sums in found.by_key.items()]
    return _limited(found, starts, order, limit)


def _limited(found: Sums, starts: Sequence[int], order: Order, limit: int) -> list[Point]:
    sizes: dict[str, int] = {}
    size = found.names.index(order.value)
    for key, sums in found.by_key.items():
        text = _text(key)
        sizes[text] = sizes.get(text, 0) + sums[size]
    largest = set(sorted(sizes, key=lambda text: (-sizes[text], text))[:limit])
    points: list[Point] = []
    for step, items in groupby(found.by_key.items(), key=lambda item: item[0][0]):
        own: list[tuple[str, list[int]]] = []
        rest: list[list[int]] = []
        for key, sums in items:
            text = _text(key)
            if text in largest:
                own.append((text, sums))
            else:
                rest.append(sums)
        points += [Point(starts[step], text, found.totals(sums)) for text, sums in sorted(own)]
        if rest:
            whole = list(map(sum, zip(*rest, strict=True)))
            points.append(Point(starts[step], "", found.totals(whole), is_rest=True))
    return points


def _text(key: Key) -> str:
    return "" if key[1] is None else str(key[1])


async def cost_by_day(ledger: Database, asked: CallFilter, zone: ZoneInfo, by: Dimension | None = None) -> list[Day]:
    """What each local day of `zone` cost, in order of days and groups. Days without calls are left out.

    Only calls of the range count, so its first and last day may be incomplete.
    """
    days = steps.of_days(asked.range, zone)
    async with ledger.reading() as connection:
        found = await sums_by(
            ledger, connection, asked, () if by is None else (by,), [start for _, start in days], counts=_OF_A_DAY
        )
    dates = [day.isoformat() for day, _ in days]
    return [
        Day(dates[key[0]], _text(key) if by else "", **dict(zip(found.names, sums, strict=True)))
        for key, sums in found.by_key.items()
    ]
