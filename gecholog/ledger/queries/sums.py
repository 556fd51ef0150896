"""Sums by step and group, from roll-ups and rows together: what most questions stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gecholog.ledger.answers import Totals
from gecholog.ledger.filters import CallFilter, Dimension
from gecholog.ledger.histogram import SIZE
from gecholog.ledger.migrate import PRUNED, value_of
from gecholog.ledger.queries import conditions
from gecholog.ledger.rows import HOUR_US
from gecholog.ledger.sources import Sources, sources_for
from gecholog.ledger.steps import Run, runs
from gecholog.ledger.tables import BUCKETS, COUNTS, calls, metadata

_SPLIT = 10**6  # sums of money are added in two parts: SQLite's 64 bits would end at nine million USD
_MONEY = ("cost_pico", "extra_cost_pico")

Key = tuple[Any, ...]
"""The number of the step (0 without steps), then the values of the dimensions."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, and where the answer is read from."""

    asked: CallFilter
    group: tuple[Dimension, ...]
    steps: tuple[Run, ...]
    sources: Sources


async def totals_by(
    connection: AsyncConnection, asked: CallFilter, group: Sequence[Dimension] = (), boundaries: Sequence[int] = ()
) -> dict[Key, Totals]:
    """The totals of the calls of a filter, by step and group. Sorted by key."""
    found: dict[Key, Totals] = {}
    question = await _question(connection, asked, group, boundaries)
    rows = [
        *await _of_rollup(connection, question, lambda table: _sums({name: table.c[name] for name in COUNTS})),
        *await _of_calls(connection, question, [], _sums(_CALL_COUNTS)),
    ]
    size = 1 + len(group)
    for row in rows:
        if row[size] is not None:  # sums without groups have one row, also if there are no calls
            key, totals = tuple(row[:size]), _totals(row[size:])
            found[key] = found[key] + totals if key in found else totals
    return dict(sorted(found.items(), key=_order))


async def histograms_by(
    connection: AsyncConnection, asked: CallFilter, group: Sequence[Dimension] = (), boundaries: Sequence[int] = ()
) -> dict[Key, list[int]]:
    """The latency histograms of the calls of a filter, by step and group. Sorted by key."""
    found: dict[Key, list[int]] = {}
    question = await _question(connection, asked, group, boundaries)
    size = 1 + len(group)
    for row in await _of_calls(connection, question, [calls.c.latency_bucket], [func.count()]):
        found.setdefault(tuple(row[:size]), [0] * SIZE)[row[size]] += row[size + 1]
    for row in await _of_rollup(connection, question, lambda table: [func.sum(table.c[name]) for name in BUCKETS]):
        counts = found.setdefault(tuple(row[:size]), [0] * SIZE)
        for bucket, count in enumerate(row[size:]):
            counts[bucket] += int(count or 0)
    return dict(sorted(found.items(), key=_order))


def _order(item: tuple[Key, Any]) -> tuple[Any, ...]:
    return tuple(-1 if value is None else value for value in item[0])


async def _question(
    connection: AsyncConnection, asked: CallFilter, group: Sequence[Dimension], boundaries: Sequence[int]
) -> _Question:
    needed = asked.given | {conditions.field_of(dimension) for dimension in group}
    sources = sources_for(asked.range, needed, boundaries, await value_of(connection, PRUNED))
    return _Question(asked, tuple(group), tuple(runs(boundaries)), sources)


async def _of_rollup(
    connection: AsyncConnection, question: _Question, sums: Callable[[Table], Sequence[ColumnElement[Any]]]
) -> Sequence[Row[Any]]:
    """Rows of step, dimensions and sums of whole hours."""
    if not question.sources.table:
        return ()
    table = metadata.tables[question.sources.table]
    keys = _keys(question, table, table.c.hour * HOUR_US)
    statement = select(*keys, *sums(table)).where(*conditions.of_rollup(question.asked, table, question.sources))
    return await _grouped(connection, question, statement, keys)


async def _of_calls(
    connection: AsyncConnection,
    question: _Question,
    more: Sequence[ColumnElement[Any]],
    sums: Sequence[ColumnElement[Any]],
) -> Sequence[Row[Any]]:
    """Rows of step, dimensions, `more` columns to group by, and sums of the calls outside whole hours."""
    if not question.sources.ranges:
        return ()
    keys = [*_keys(question, calls, calls.c.started_us), *more]
    statement = select(*keys, *sums).where(*conditions.of_rows(question.asked, question.sources.ranges))
    return await _grouped(connection, question, statement, keys)


def _keys(question: _Question, table: Table, at: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    step = conditions.step_number(at, question.steps) if question.steps else literal(0)
    return [step.label("step"), *(table.c[dimension.value] for dimension in question.group)]


async def _grouped(
    connection: AsyncConnection, question: _Question, statement: Select[Any], keys: list[ColumnElement[Any]]
) -> Sequence[Row[Any]]:
    grouped = statement.group_by(*(keys if question.steps else keys[1:]))
    found: Sequence[Row[Any]] = (await connection.execute(grouped)).all()
    return found


# ---------------------------------------------------------------- sums of counts


_CALL_COUNTS: dict[str, ColumnElement[Any]] = {
    **{name: calls.c[name] for name in COUNTS if name in calls.c},
    "calls": literal(1),
    "errors": case((calls.c.error_class != "", 1), else_=0),
    "unpriced": case((calls.c.cost_pico.is_(None) & (calls.c.total_tokens > 0), 1), else_=0),
}
"""The value of a call for each of `COUNTS`."""


def _sums(columns: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    whole = [func.sum(columns[name] // _SPLIT if name in _MONEY else columns[name]) for name in COUNTS]
    return [*whole, *(func.sum(columns[name] % _SPLIT) for name in _MONEY)]


def _totals(sums: Sequence[Any]) -> Totals:
    values = {name: int(value or 0) for name, value in zip(COUNTS, sums, strict=False)}
    for name, rest in zip(_MONEY, sums[len(COUNTS) :], strict=True):
        values[name] = values[name] * _SPLIT + int(rest or 0)
    return Totals(**values)
