"""Calls in the order in which they arrive, for those who follow them."""

from __future__ import annotations

from sqlalchemy import func, select

from gecholog.ledger.answers import Call
from gecholog.ledger.call_groups import kept_ids
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter
from gecholog.ledger.queries import conditions, lists
from gecholog.ledger.queries.history import COLUMNS, call_of_row
from gecholog.ledger.tables import calls

_MOST = 500


async def newest_number(ledger: Database) -> int:
    """The number of the call that arrived last; 0 without calls."""
    async with ledger.reading() as connection:
        return int((await connection.execute(select(func.max(calls.c.number)))).scalar() or 0)


async def since_number(ledger: Database, asked: CallFilter, number: int) -> tuple[int, list[Call]]:
    """The calls of a filter that arrived after the one with `number`, and the number to go on with.

    The range of the filter does not count. At most 500 calls are looked at in one go.
    """
    async with ledger.reading() as connection:
        newest = select(calls.c.number).where(calls.c.number > number).order_by(calls.c.number).limit(_MOST)
        last = (await connection.execute(select(func.max(newest.subquery().c.number)))).scalar()
        if last is None:
            return number, []
        statement = select(*COLUMNS).where(calls.c.number > number, calls.c.number <= last)
        statement = statement.where(*conditions.of_session(asked)).order_by(calls.c.number)
        ids = kept_ids((await ledger.groups.at(connection)).groups, asked)
        if ids is not None:
            chosen = lists.numbers(connection.dialect.name, ("group_id",), ((one,) for one in ids))
            statement = statement.where((calls.c.group_id + 0).in_(select(chosen.c.group_id)))
        return int(last), [call_of_row(row) for row in await connection.execute(statement)]
