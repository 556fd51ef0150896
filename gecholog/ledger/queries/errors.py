"""How calls failed."""

from __future__ import annotations

from dataclasses import replace

from gecholog.ledger.answers import ErrorCount
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter, Dimension
from gecholog.ledger.queries.sums import latest_by


async def error_breakdown(ledger: Database, asked: CallFilter) -> list[ErrorCount]:
    """The failed calls of a filter by error class and status, the most frequent first."""
    if asked.errors is False:
        return []
    failed = replace(asked, errors=True)
    async with ledger.reading() as connection:
        latest = await latest_by(ledger, connection, failed, (Dimension.ERROR_CLASS, Dimension.STATUS))
    found = [ErrorCount(key[1], key[2], calls, last_us) for key, (calls, last_us) in latest.items()]
    return sorted(found, key=lambda one: (-one.calls, one.error_class, one.status or 0))
