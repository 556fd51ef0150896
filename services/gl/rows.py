"""Processors as the config has them: rows that run before the reply, rows that run after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# Fields that tell gl what to do with a call. No call has them at first, so modifiers of requests may add them.
ORDERS = frozenset({"control", "control_status_code", "control_headers", "fallback_paths"})


@dataclass(frozen=True, slots=True)
class Processor:
    """One processor of a row. `timeout` is in seconds; no `routers` are all; `add` is what a modifier may add."""

    name: str
    modifier: bool
    required: bool
    is_async: bool
    include: tuple[str, ...]
    exclude: frozenset[str]
    write: frozenset[str]
    subject: str
    timeout: float
    routers: frozenset[str] = frozenset()
    add: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entry: dict[str, Any], orders: frozenset[str]) -> Processor:
        """Make a processor of its entry in the file."""
        write = frozenset(entry.get("output_fields_write", ()))
        return cls(
            name=entry["name"],
            modifier=entry.get("modifier", False),
            required=entry.get("required", False),
            is_async=entry.get("async", False),
            include=tuple(entry.get("input_fields_include", ())),
            exclude=frozenset(entry.get("input_fields_exclude", ())),
            write=write,
            subject=entry["service_bus_topic"],
            timeout=entry["timeout"] / 1000,
            routers=frozenset(entry.get("routers", ())),
            add=write & orders,
        )


Row = tuple[Processor, ...]
Rows = tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """The processors of one side of a call. `by_router`: some of them are for calls of some routers only.

    `counted`: the routers about whose calls some of them write `token_count`, None for all. `asks_transaction`: some of
    them name the field `transaction_id`; `asks_usage`: some name `usage`.
    """

    rows: Rows = ()
    async_rows: Rows = ()
    by_router: bool = False
    asks_transaction: bool = False
    asks_usage: bool = False
    counted: frozenset[str] | None = frozenset()

    @classmethod
    def of(cls, values: dict[str, Any], orders: frozenset[str] = frozenset()) -> Side:
        """Make a side of its part of the file; its modifiers may add fields that are `orders`."""
        rows = [tuple(Processor.of(entry, orders) for entry in row) for row in values.get("processors", ())]
        return cls(
            rows=_nonempty(tuple(entry for entry in row if not entry.is_async) for row in rows),
            async_rows=_nonempty(tuple(entry for entry in row if entry.is_async) for row in rows),
            by_router=any(entry.routers for row in rows for entry in row),
            asks_transaction=any("transaction_id" in entry.include for row in rows for entry in row),
            asks_usage=any("usage" in entry.include for row in rows for entry in row),
            counted=_counted(entry for row in rows for entry in row if "token_count" in entry.write),
        )

    def sees(self, *names: str) -> bool:
        """Tell whether any of the processors, for whichever router, may be given one of these fields."""
        return any(
            name not in entry.exclude and (not entry.include or name in entry.include)
            for row in (*self.rows, *self.async_rows)
            for entry in row
            for name in names
        )

    def counts_tokens(self, *paths: str) -> bool:
        """Tell whether a processor for calls that have to do with the routers of these paths writes `token_count`."""
        return self.counted is None or not self.counted.isdisjoint(paths)

    def rows_for(self, *paths: str) -> Rows:
        """The rows before the reply of a call that has to do with the routers of these paths."""
        return _applying(self.rows, paths) if self.by_router else self.rows

    def async_rows_for(self, *paths: str) -> Rows:
        """The same for the rows after the reply."""
        return _applying(self.async_rows, paths) if self.by_router else self.async_rows


def applying(row: Row, *paths: str) -> Row:
    """A row less the processors that are for other routers than those of `paths`."""
    return tuple(entry for entry in row if not entry.routers or not entry.routers.isdisjoint(paths))


def _applying(rows: Rows, paths: tuple[str, ...]) -> Rows:
    return _nonempty(applying(row, *paths) for row in rows)


def _counted(entries: Iterable[Processor]) -> frozenset[str] | None:
    found = [entry.routers for entry in entries]
    return None if not all(found) else frozenset[str]().union(*found)


def _nonempty(rows: Iterable[Row]) -> Rows:
    return tuple(row for row in rows if row)
