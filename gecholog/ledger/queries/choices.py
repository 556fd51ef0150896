"""The values that calls have, to choose a filter from."""

from __future__ import annotations

from gecholog.ledger.database import Database
from gecholog.ledger.filters import Dimension


async def choices(ledger: Database) -> dict[Dimension, list[str]]:
    """All values of each dimension that the ledger knows, sorted; without "none"."""
    async with ledger.reading() as connection:
        groups = (await ledger.groups.at(connection)).groups
    found = {one: sorted({group.value(one) for group in groups} - {"", None}) for one in Dimension}
    return {one: [str(value) for value in values] for one, values in found.items()}
