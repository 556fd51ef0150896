"""Sums by time: steps of equal length, and local days."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from zoneinfo import ZoneInfo

from gecholog.ledger import steps
from gecholog.ledger.answers import Day, Point, Totals, added
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter, Dimension
from gecholog.ledger.queries.sums import Key, totals_by
from gecholog.ledger.queries.totals import Order

_OF_A_DAY = ("total_tokens", "cost_pico", "unpriced")


async def time_series(  # noqa: PLR0913 - a question with many optional parts
    ledger: Database,
    asked: CallFilter,
    step_seconds: int,
    by: Dimension | None = None,
    *,
    order: Order = Order.CALLS,
    limit: int = 8,
) -> list[Point]:
    """The totals of each step of `step_seconds`, counted from 1970, in order of time.

    With `by`, the totals of the `limit` groups that are the largest over the whole range, and of all others together
    (`is_rest`). Steps of whole hours or days are read from roll-ups. Raises ValueError for too many steps.
    """
    starts = steps.of_length(asked.range, step_seconds)
    async with ledger.reading() as connection:
        found = await totals_by(ledger, connection, asked, () if by is None else (by,), starts)
    if by is None:
        return [Point(starts[key[0]], "", sums) for key, sums in found.items()]
    return _limited(found, starts, order, limit)


def _limited(found: Mapping[Key, Totals], starts: list[int], order: Order, limit: int) -> list[Point]:
    sizes: dict[str, int] = {}
    size = attrgetter(order.value)
    for key, sums in found.items():
        sizes[_text(key)] = sizes.get(_text(key), 0) + size(sums)
    largest = set(sorted(sizes, key=lambda text: (-sizes[text], text))[:limit])
    points: list[Point] = []
    rest: dict[int, list[Totals]] = {}
    for key, sums in found.items():
        if _text(key) in largest:
            points.append(Point(starts[key[0]], _text(key), sums))
        else:
            rest.setdefault(key[0], []).append(sums)
    points += [Point(starts[number], "", added(others), is_rest=True) for number, others in rest.items()]
    return sorted(points, key=lambda point: (point.start_us, point.is_rest, point.key))


def _text(key: Key) -> str:
    return "" if key[1] is None else str(key[1])


async def cost_by_day(ledger: Database, asked: CallFilter, zone: ZoneInfo, by: Dimension | None = None) -> list[Day]:
    """What each local day of `zone` cost, in order of days and groups. Days without calls are left out.

    Only calls of the range count, so its first and last day may be incomplete.
    """
    days = steps.of_days(asked.range, zone)
    async with ledger.reading() as connection:
        found = await totals_by(
            ledger, connection, asked, () if by is None else (by,), [start for _, start in days], counts=_OF_A_DAY
        )
    return [
        Day(
            date=days[key[0]][0].isoformat(),
            key=_text(key) if by else "",
            calls=sums.calls,
            total_tokens=sums.total_tokens,
            cost_pico=sums.cost_pico,
            unpriced=sums.unpriced,
        )
        for key, sums in found.items()
    ]
