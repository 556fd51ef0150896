"""Sums by tag. A call counts for each of its tags, so the sums of tags do not add up to the total."""

from __future__ import annotations

from dataclasses import replace

from gecholog.ledger.answers import Group
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter
from gecholog.ledger.queries.totals import Order, totals

_MOST = 200
"""Tags that are added up. More would be no answer to read."""


async def top_tags(ledger: Database, asked: CallFilter, order: Order = Order.COST, limit: int = 10) -> list[Group]:
    """The `limit` largest tags, the largest first; equal ones by name. Calls without a tag are in none.

    Of more than 200 tags only the first ones by name are added up.
    """
    async with ledger.reading() as connection:
        groups = (await ledger.groups.at(connection)).groups
    known = {tag for group in groups for tag in group.tags}
    tags = sorted(known if asked.tag is None else known & {asked.tag})[:_MOST]
    found = [Group(tag, await totals(ledger, replace(asked, tag=tag))) for tag in tags]
    found = [group for group in found if group.totals.calls]
    return sorted(found, key=lambda group: (-getattr(group.totals, order.value), group.key))[:limit]
