"""Sums of all calls, by a field of the calls, and of models without a price."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from sqlalchemy import select

from gecholog.ledger.answers import Group, Totals, UnpricedModel, added
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter, Dimension
from gecholog.ledger.queries.sums import totals_by
from gecholog.ledger.tables import clients


class Order(Enum):
    """What the largest groups are the largest by. The value is the field of `Totals`."""

    COST = "cost_pico"
    CALLS = "calls"
    TOKENS = "total_tokens"
    ERRORS = "errors"


async def totals(ledger: Database, asked: CallFilter) -> Totals:
    """The sums over all calls of a filter."""
    async with ledger.reading() as connection:
        found = await totals_by(ledger, connection, asked)
    return added(found.values())


async def top(  # noqa: PLR0913 - a question with many optional parts
    ledger: Database,
    asked: CallFilter,
    by: Dimension,
    order: Order = Order.COST,
    limit: int = 10,
    *,
    rest: bool = False,
) -> list[Group]:
    """The `limit` largest groups, the largest first; equal ones by key. `rest`: then the sum of all others, if any."""
    async with ledger.reading() as connection:
        found = await totals_by(ledger, connection, asked, (by,))
        groups = [Group("" if key[1] is None else str(key[1]), sums) for key, sums in found.items()]
        groups.sort(key=lambda group: (-getattr(group.totals, order.value), group.key))
        largest, others = groups[:limit], groups[limit:]
        if by is Dimension.CLIENT:
            wanted = [group.key for group in largest]
            named = await connection.execute(
                select(clients.c.client_key, clients.c.name).where(clients.c.client_key.in_(wanted))
            )
            names = {row[0]: row[1] for row in named}
            largest = [replace(group, name=names.get(group.key, "")) for group in largest]
    if rest and others:
        largest.append(Group("", added(group.totals for group in others), is_rest=True))
    return largest


async def unpriced_models(ledger: Database, asked: CallFilter) -> list[UnpricedModel]:
    """The models that used tokens and have no price, those with most calls first.

    A model that got a price meanwhile is listed for the calls before.
    """
    async with ledger.reading() as connection:
        found = await totals_by(
            ledger, connection, asked, (Dimension.PROVIDER, Dimension.MODEL), counts=("unpriced", "total_tokens")
        )
    unpriced = [
        UnpricedModel(provider, model, sums.unpriced, sums.total_tokens)
        for (_, provider, model), sums in found.items()
        if sums.unpriced
    ]
    return sorted(unpriced, key=lambda one: (-one.calls, one.provider, one.model))
