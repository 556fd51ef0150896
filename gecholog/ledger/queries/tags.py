"""Sums by tag. A call counts for each of its tags, so the sums of tags do not add up to the total."""

from __future__ import annotations

from gecholog.ledger.answers import Group, Totals, added
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter, TagList
from gecholog.ledger.queries.sums import totals_by
from gecholog.ledger.queries.totals import Order


async def top_tags(ledger: Database, asked: CallFilter, order: Order = Order.COST, limit: int = 10) -> list[Group]:
    """The `limit` largest tags, the largest first; equal ones by name. Calls without a tag are in none.

    With a filter by tag it is the only one.
    """
    async with ledger.reading() as connection:
        found = await totals_by(ledger, connection, asked, (TagList.TAGS,))
    parts: dict[str, list[Totals]] = {}
    for (_, tags), totals in found.items():
        for tag in frozenset(tags) if asked.tag is None else (asked.tag,):
            parts.setdefault(tag, []).append(totals)
    groups = [Group(tag, added(totals)) for tag, totals in parts.items()]
    return sorted(groups, key=lambda group: (-getattr(group.totals, order.value), group.key))[:limit]
