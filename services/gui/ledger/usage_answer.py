"""What the page Usage and cost shows: sums by local day, and by another field of the calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from gecholog.ledger.answers import Day, Group, Totals, UnpricedModel
from gecholog.ledger.filters import CallFilter, Dimension
from services.gui.ledger.selection import Selection
from services.gui.ledger.span import Span

if TYPE_CHECKING:
    from gecholog.ledger.database import Database


class By(StrEnum):
    """What the table is grouped by."""

    DAY = "day"
    MODEL = "model"
    PROVIDER = "provider"
    CLIENT = "client"
    OWNER = "owner"
    ROUTER = "router"
    TAG = "tag"


class Measure(StrEnum):
    """What charts show, and what the largest groups are the largest by."""

    COST = "cost"
    TOKENS = "tokens"
    CALLS = "calls"


DIMENSIONS = {
    By.MODEL: Dimension.MODEL,
    By.PROVIDER: Dimension.PROVIDER,
    By.CLIENT: Dimension.CLIENT,
    By.OWNER: Dimension.OWNER,
    By.ROUTER: Dimension.ROUTER,
}
SHOWN = 50
EXPORTED = 100_000


@dataclass(frozen=True, slots=True)
class UsageAsked:
    """What an address asks for. `limit` is the number of groups; the sum of all others comes after them."""

    span: Span
    selection: Selection
    by: By
    measure: Measure
    limit: int = SHOWN

    @property
    def more(self) -> dict[str, str]:
        """Grouping and measure in an address."""
        return {"by": self.by.value, "measure": self.measure.value}

    @property
    def query(self) -> dict[str, str]:
        """All of it in an address."""
        return self.span.query | self.selection.query | self.more


@dataclass(frozen=True, slots=True)
class UsageAnswer:
    """The answer to the questions of the page. `groups` is empty if the table is by day."""

    totals: Totals
    before: Totals
    days: tuple[Day, ...]
    groups: tuple[Group, ...]
    unpriced: tuple[UnpricedModel, ...]


async def usage_answer(ledger: Database, asked: UsageAsked) -> UsageAnswer:
    """Ask for all that the page shows."""
    from gecholog.ledger import queries  # noqa: PLC0415 - loads SQLAlchemy, only where there is a ledger

    span, wanted = asked.span, asked.selection.filter(asked.span.range)
    totals, before, days, groups, unpriced = await asyncio.gather(
        queries.totals(ledger, wanted),
        queries.totals(ledger, asked.selection.filter(span.before)),
        queries.cost_by_day(ledger, wanted, span.time_zone),
        _groups(ledger, asked, wanted),
        queries.unpriced_models(ledger, wanted),
    )
    return UsageAnswer(totals, before, tuple(every_day(days, span)), tuple(groups), tuple(unpriced))


async def _groups(ledger: Database, asked: UsageAsked, wanted: CallFilter) -> list[Group]:
    """The largest groups, and the sum of all others; none by day."""
    if asked.by is By.DAY:
        return []
    from gecholog.ledger import queries  # noqa: PLC0415 - loads SQLAlchemy, only where there is a ledger

    order = queries.Order[asked.measure.name]
    if asked.by is By.TAG:
        return await queries.top_tags(ledger, wanted, order, asked.limit)
    return await queries.top(ledger, wanted, DIMENSIONS[asked.by], order, asked.limit, rest=True)


def every_day(days: Sequence[Day], span: Span) -> list[Day]:
    """The days of a span, also those without calls. Pure."""
    found = {day.date: day for day in days}
    first, last = span.local(span.start_us).date(), span.local(max(span.start_us, span.end_us - 1)).date()
    return [found.get(name) or Day(name, "", 0, 0, 0, 0) for name in _names(first, last)]


def _names(first: date, last: date) -> list[str]:
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
