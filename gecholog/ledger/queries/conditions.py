"""The conditions of a filter in SQL. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, exists, literal, or_, select

from gecholog.ledger.filters import CallFilter, Dimension, TimeRange
from gecholog.ledger.sources import Sources
from gecholog.ledger.steps import Run
from gecholog.ledger.tables import call_tags, calls

FIELD_OF = {Dimension.CLIENT: "client"}
"""The field of `CallFilter` for a dimension, where the names differ."""

_COLUMNS = {
    "router": "router",
    "client": "client_key",
    "owner": "owner",
    "provider": "provider",
    "model": "model",
    "status": "status",
    "status_class": "status_class",
    "error_class": "error_class",
    "session": "session_id",
}
_PARTIAL = frozenset({"client", "owner", "error_class"})  # their indexes leave out empty texts


def field_of(dimension: Dimension) -> str:
    """The name of a dimension among the fields of a filter."""
    return FIELD_OF.get(dimension, dimension.value)


def of_rows(asked: CallFilter, ranges: Sequence[TimeRange]) -> list[ColumnElement[bool]]:
    """The conditions on `calls`, in any of these ranges; without one, at any time."""
    found = [*([_in_ranges(ranges)] if ranges else []), *_equal(asked, calls)]
    if asked.errors is not None:
        found.append(calls.c.error_class != "" if asked.errors else calls.c.error_class == "")
    if asked.status is not None and asked.status >= 400 and asked.errors is None:  # noqa: PLR2004
        found.append(calls.c.error_class != "")  # so that the index of errors can be used: no such call is without one
    if asked.tag is not None:
        tagged = and_(call_tags.c.call_id == calls.c.id, call_tags.c.tag == asked.tag)
        tagged = and_(tagged, call_tags.c.started_us == calls.c.started_us)
        found.append(exists(select(literal(1)).select_from(call_tags).where(tagged).correlate(calls)))
    return found


def of_rollup(asked: CallFilter, table: Table, sources: Sources) -> list[ColumnElement[bool]]:
    """The conditions on a roll-up."""
    hour = table.c.hour
    found = [hour >= sources.first_hour, hour < sources.end_hour, *_equal(asked, table)]
    if sources.excluded:
        found.append(hour.not_in(sources.excluded))
    return found


def _equal(asked: CallFilter, table: Table) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for name in sorted(asked.given & _COLUMNS.keys()):
        column, value = table.c[_COLUMNS[name]], getattr(asked, name)
        found.append(column == value)
        if name in _PARTIAL and value and table is calls:
            found.append(column != "")
    return found


def _in_ranges(ranges: Sequence[TimeRange]) -> ColumnElement[bool]:
    started = calls.c.started_us
    return or_(*(and_(started >= one.start_us, started < one.end_us) for one in ranges))


def step_number(at: ColumnElement[Any], runs: Sequence[Run]) -> ColumnElement[Any]:
    """The number of the step in which a time (in microseconds) lies."""
    numbers = [run.first + (at - run.start_us) // run.length_us for run in runs]
    if len(runs) == 1:
        return numbers[0]
    whens = [(at < later.start_us, number) for number, later in zip(numbers, runs[1:], strict=False)]
    return case(*whens, else_=numbers[-1])
