"""The conditions of a filter in SQL. Pure."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func

from gecholog.ledger.filters import COLUMNS, CallFilter, Dimension, TagList
from gecholog.ledger.tables import Rollup, calls

_FIELDS = {column: field for field, column in COLUMNS.items()} | {TagList.TAGS.value: "tag"}
_DERIVED = {"status": ("status_class",), "error_class": ("errors",)}
"""The other fields that a column decides."""


def field_of(dimension: Dimension | TagList) -> str:
    """The name of a dimension among the fields of a filter."""
    return _FIELDS[dimension.value]


def known_to(rollup: Rollup) -> frozenset[str]:
    """The fields of a filter that a roll-up with columns of its own knows."""
    derived = [name for column in rollup.fields for name in _DERIVED.get(column, ())]
    return frozenset([*(_FIELDS[column] for column in rollup.fields), *derived])


def column_of(dimension: Dimension | TagList, row: Any) -> ColumnElement[Any]:
    """The values of a dimension in the columns of such a roll-up, as `calls` has them."""
    return _column(dimension.value, row)


def _column(name: str, row: Any) -> ColumnElement[Any]:
    if name == "status":
        return func.nullif(row.status, 0)
    if name == "status_class" and name not in row:
        status: ColumnElement[Any] = row.status // 100
        return status
    column: ColumnElement[Any] = row[name]
    return column


def of_small_rollup(asked: CallFilter, row: Any) -> list[ColumnElement[bool]]:
    """The conditions on the columns of such a roll-up."""
    found = [_column(COLUMNS[name], row) == getattr(asked, name) for name in sorted(asked.given & COLUMNS.keys())]
    if asked.errors is not None:
        found.append(row.error_class != "" if asked.errors else row.error_class == "")
    return found


def of_session(asked: CallFilter) -> list[ColumnElement[bool]]:
    """The condition on `calls` that no group of calls decides."""
    return [] if asked.session is None else [calls.c.session_id == asked.session]
