"""Where sums are read from: roll-ups for whole hours, rows for what those cannot tell. Pure.

Roll-ups have hours. The parts of a range before its first and after its last whole hour are read from the rows, and so
are hours in which a step of a series ends (local days of zones such as India's begin at half past). Where rows have
been deleted already, such an hour counts as a whole, at its start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gecholog.ledger.filters import TimeRange
from gecholog.ledger.rows import HOUR_US

_DIMENSIONS = {
    "hourly_routers": frozenset({"router"}),
    "hourly_models": frozenset({"provider", "model", "status_class"}),
    "hourly_clients": frozenset({"client", "owner"}),
}
"""The fields of a filter that a roll-up knows, the smallest roll-up first."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The hours [`first_hour`, `end_hour`) of the roll-up `table` except `excluded`, and the rows of `ranges`."""

    table: str = ""
    first_hour: int = 0
    end_hour: int = 0
    excluded: tuple[int, ...] = ()
    ranges: tuple[TimeRange, ...] = ()


def rollup_for(needed: frozenset[str]) -> str:
    """The smallest roll-up that has these fields; empty if none has them all."""
    return next((table for table, known in _DIMENSIONS.items() if needed <= known), "")


def sources_for(
    asked: TimeRange, needed: frozenset[str], boundaries: Sequence[int] = (), rows_since_us: int = 0
) -> Sources:
    """The sources of sums over `asked`.

    `needed` are the fields of the filter and of the grouping, `boundaries` those of the steps, and `rows_since_us` the
    time before which rows have been deleted. Of the hour in which it is, some rows are gone.
    """
    rows_since_us = -(-rows_since_us // HOUR_US) * HOUR_US
    table = rollup_for(needed)
    first, end = -(-asked.start_us // HOUR_US), asked.end_us // HOUR_US
    if asked.start_us < rows_since_us:
        first = asked.start_us // HOUR_US
    if asked.end_us < rows_since_us:
        end = -(-asked.end_us // HOUR_US)
    if not table or first >= end:
        return Sources(ranges=(asked,))
    excluded = tuple(
        sorted(
            {
                at // HOUR_US
                for at in boundaries
                if at % HOUR_US and first <= at // HOUR_US < end and at // HOUR_US * HOUR_US >= rows_since_us
            }
        )
    )
    parts = [(asked.start_us, first * HOUR_US), (end * HOUR_US, asked.end_us)]
    parts += [(hour * HOUR_US, (hour + 1) * HOUR_US) for hour in excluded]
    return Sources(table, first, end, excluded, tuple(TimeRange(start, stop) for start, stop in parts if start < stop))
