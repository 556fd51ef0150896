"""How calls failed."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select

from gecholog.ledger.answers import ErrorCount
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter
from gecholog.ledger.queries import conditions
from gecholog.ledger.tables import calls


async def error_breakdown(ledger: Database, asked: CallFilter) -> list[ErrorCount]:
    """The failed calls of a filter by error class and status, the most frequent first. Reads rows."""
    if asked.errors is False:
        return []
    failed = replace(asked, errors=True)
    statement = (
        select(calls.c.error_class, calls.c.status, func.count(), func.max(calls.c.started_us))
        .where(*conditions.of_rows(failed, (asked.range,)))
        .group_by(calls.c.error_class, calls.c.status)
    )
    async with ledger.reading() as connection:
        found = [ErrorCount(*row) for row in await connection.execute(statement)]
    return sorted(found, key=lambda one: (-one.calls, one.error_class, one.status or 0))
