"""What the overview shows of a range of time: sums now and before, percentiles, the largest groups, errors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog.ledger.answers import ErrorCount, Group, Latency, Point, Totals
from gecholog.ledger.filters import CallFilter, Dimension
from services.gui.ledger.selection import Selection
from services.gui.ledger.span import Span

if TYPE_CHECKING:
    from gecholog.ledger.database import Database

_GROUPS = 8
_LINES = 6  # models in the chart; the others are one line
_ERRORS = 8


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Durations in microseconds that half of the calls, and 95 of 100, did not exceed; None without calls."""

    p50_us: int | None = None
    p95_us: int | None = None

    @classmethod
    def of(cls, found: Sequence[Latency]) -> Percentiles:
        """Of the answer for all calls."""
        return cls(found[0].percentile_us(50), found[0].percentile_us(95)) if found else cls()


@dataclass(frozen=True, slots=True)
class OverviewAnswer:
    """The answer to the questions of the overview. `before` is the range of the same length that ended at its start."""

    totals: Totals
    before: Totals
    latency: Percentiles
    latency_before: Percentiles
    models: tuple[Group, ...]
    clients: tuple[Group, ...]
    errors: tuple[ErrorCount, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the chart: calls in each step."""

    name: str
    calls: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Calls by step and model. `times` are the starts of the steps in seconds since 1970."""

    times: tuple[int, ...]
    lines: tuple[Line, ...]


async def overview_answer(ledger: Database, span: Span, selection: Selection) -> OverviewAnswer:
    """Ask for all that the overview shows, but the chart."""
    from gecholog.ledger import queries  # noqa: PLC0415 - loads SQLAlchemy, only where there is a ledger

    asked, earlier = selection.filter(span.range), selection.filter(span.before)
    sums = asyncio.gather(
        queries.totals(ledger, asked),
        queries.totals(ledger, earlier),
        queries.latency(ledger, asked),
        queries.latency(ledger, earlier),
    )
    groups = asyncio.gather(
        queries.top(ledger, asked, Dimension.MODEL, queries.Order.CALLS, _GROUPS, rest=True),
        queries.top(ledger, asked, Dimension.CLIENT, queries.Order.CALLS, _GROUPS, rest=True),
        queries.error_breakdown(ledger, asked),
    )
    (totals, before, latency, latency_before), (models, clients, errors) = await asyncio.gather(sums, groups)
    return OverviewAnswer(
        totals=totals,
        before=before,
        latency=Percentiles.of(latency),
        latency_before=Percentiles.of(latency_before),
        models=tuple(models),
        clients=tuple(clients),
        errors=tuple(errors[:_ERRORS]),
    )


async def chart(ledger: Database, span: Span, selection: Selection) -> Chart:
    """Calls in each step of the range, by model."""
    from gecholog.ledger import queries  # noqa: PLC0415 - loads SQLAlchemy, only where there is a ledger

    asked = selection.filter(span.range)
    points = await queries.time_series(
        ledger, asked, span.step_seconds, Dimension.MODEL, limit=_LINES, counts=("calls",)
    )
    return chart_of(points, asked, span.step_seconds)


def chart_of(points: Sequence[Point], asked: CallFilter, step_seconds: int) -> Chart:
    """The points of a series as lines, with the steps that have no calls. The busiest model comes first. Pure."""
    step = step_seconds * 1_000_000
    first, last = asked.range.start_us // step, max(asked.range.start_us, asked.range.end_us - 1) // step
    numbers = range(first, last + 1)
    found: dict[tuple[str, bool], dict[int, int]] = {}
    for point in points:
        found.setdefault((point.key, point.is_rest), {})[point.start_us // step] = point.totals.calls
    names = sorted(found, key=lambda key: (key[1], -sum(found[key].values()), key[0]))
    lines = tuple(
        Line("others" if is_rest else name or "no model", tuple(found[name, is_rest].get(one, 0) for one in numbers))
        for name, is_rest in names
    )
    return Chart(tuple(number * step_seconds for number in numbers), lines)
