"""Latency histograms, from which percentiles are read."""

from __future__ import annotations

from gecholog.ledger import steps
from gecholog.ledger.answers import Latency
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter, Dimension
from gecholog.ledger.queries.sums import histograms_by


async def latency(ledger: Database, asked: CallFilter, by: Dimension | None = None) -> list[Latency]:
    """The latency of all calls of a filter (one entry, none without calls), or of each group, in order of keys."""
    async with ledger.reading() as connection:
        found = await histograms_by(ledger, connection, asked, () if by is None else (by,))
    return [
        Latency("" if by is None or key[1] is None else str(key[1]), tuple(counts))
        for key, counts in found.items()
        if any(counts)
    ]


async def latency_series(ledger: Database, asked: CallFilter, step_seconds: int) -> list[Latency]:
    """The latency of the calls of each step (`time_series`), in order of time. Raises ValueError for too many steps."""
    starts = steps.of_length(asked.range, step_seconds)
    async with ledger.reading() as connection:
        found = await histograms_by(ledger, connection, asked, (), starts)
    return [Latency("", tuple(counts), starts[key[0]]) for key, counts in found.items() if any(counts)]
