"""Groups of calls that have the same router, client, tags, provider, model and outcome. Pure.

The ledger numbers them. A filter and a grouping by any of these fields are decided here, once for each group, and the
database only has to look at numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from gecholog.ledger.filters import COLUMNS, CallFilter, Dimension, TagList
from gecholog.ledger.rows import CallRow

GroupKey = tuple[str, str, str, str, str, str, int, str]
"""Router, client key, owner, tags as in the table, provider, model, status (0: no reply) and error class."""

KEY_COLUMNS = ("router", "client_key", "owner", "tags", "provider", "model", "status", "error_class")
"""The columns of a `GroupKey`."""

FIELDS = frozenset(
    {"router", "client", "owner", "tag", "provider", "model", "status", "status_class", "error_class", "errors"}
)
"""The fields of a filter that a group decides."""


@dataclass(frozen=True, slots=True)
class CallGroup:
    """A group with its number. `status` is None without a reply."""

    id: int
    router: str
    client_key: str
    owner: str
    tags: tuple[str, ...]
    provider: str
    model: str
    status: int | None
    error_class: str

    @classmethod
    def of(cls, row: Sequence[Any]) -> CallGroup:
        """From the columns of the table: the id, then those of `KEY_COLUMNS`."""
        number, router, client_key, owner, tags, provider, model, status, error_class = row
        return cls(number, router, client_key, owner, _listed(tags), provider, model, status or None, error_class)

    @property
    def status_class(self) -> int:
        """The first digit of the status; 0 without one."""
        return (self.status or 0) // 100

    def value(self, dimension: Dimension | TagList) -> Any:
        """The value by which the group is grouped."""
        return getattr(self, dimension.value)


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups that a filter keeps, and the number of the answer's group in which each of them counts.

    `numbers` is None if all calls count in number 0.
    """

    numbers: dict[int, int] | None
    keys: tuple[tuple[Any, ...], ...]


def key_of(call: CallRow) -> GroupKey:
    """The group of a call."""
    return (
        call.router,
        call.client_key,
        call.owner,
        list_text(call.tags),
        call.provider,
        call.model,
        call.status or 0,
        call.error_class,
    )


@lru_cache(maxsize=1024)
def list_text(texts: tuple[str, ...]) -> str:
    """A list as the tables have it: JSON, or an empty text."""
    return orjson.dumps(texts).decode() if texts else ""


@lru_cache(maxsize=1024)
def _listed(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text)) if text else ()


def grouping(groups: Iterable[CallGroup], asked: CallFilter, by: Sequence[Dimension | TagList]) -> Grouping:
    """Number the values of the dimensions among the groups that a filter keeps."""
    if not by and not asked.given & FIELDS:
        return Grouping(None, ((),))
    tests = _tests(asked)
    numbers: dict[int, int] = {}
    keys: dict[tuple[Any, ...], int] = {}
    for group in groups:
        if all(getattr(group, name) == value for name, value in tests) and _kept(group, asked):
            key = tuple(group.value(dimension) for dimension in by)
            numbers[group.id] = keys.setdefault(key, len(keys))
    return Grouping(numbers, tuple(keys))


def kept_ids(groups: Iterable[CallGroup], asked: CallFilter) -> list[int] | None:
    """The groups that a filter keeps; None if it keeps all."""
    numbers = grouping(groups, asked, ()).numbers
    return None if numbers is None else list(numbers)


def _tests(asked: CallFilter) -> list[tuple[str, Any]]:
    return [(COLUMNS[name], getattr(asked, name)) for name in sorted(asked.given & COLUMNS.keys())]


def _kept(group: CallGroup, asked: CallFilter) -> bool:
    right_end = asked.errors is None or asked.errors is bool(group.error_class)
    return right_end and (asked.tag is None or asked.tag in group.tags)
