"""The processors of the config, in rows. Processors of a row run concurrently; rows run one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# Fields by which a processor tells gl what to do with a call. Modifiers of requests may add them.
CONTROL_FIELDS = frozenset({"control", "control_status_code", "control_headers", "fallback_paths"})


@dataclass(frozen=True, slots=True)
class Processor:
    """One processor. `timeout` is in seconds, empty `routers` mean all, `add` names fields that a modifier may add."""

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
    def of(cls, entry: dict[str, Any], control_fields: frozenset[str]) -> Processor:
        """Make a processor from its entry in the config."""
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
            add=write & control_fields,
        )


ProcessorRow = tuple[Processor, ...]
ProcessorRows = tuple[ProcessorRow, ...]


@dataclass(frozen=True, slots=True)
class ProcessorChain:
    """The processors of requests, or those of responses.

    `by_router`: at least one of them applies to some routers only. `counted`: the routers on whose calls a processor
    writes `token_count`; None means all. `asks_transaction`: at least one of them includes the field `transaction_id`;
    `asks_usage`: the same for `usage`.
    """

    sync_rows: ProcessorRows = ()
    async_rows: ProcessorRows = ()
    by_router: bool = False
    asks_transaction: bool = False
    asks_usage: bool = False
    counted: frozenset[str] | None = frozenset()

    @classmethod
    def of(cls, values: dict[str, Any], control_fields: frozenset[str] = frozenset()) -> ProcessorChain:
        """Make a chain from its section of the config. Its modifiers may add `control_fields`."""
        found = [tuple(Processor.of(entry, control_fields) for entry in row) for row in values.get("processors", ())]
        return cls(
            sync_rows=_nonempty(tuple(entry for entry in row if not entry.is_async) for row in found),
            async_rows=_nonempty(tuple(entry for entry in row if entry.is_async) for row in found),
            by_router=any(entry.routers for row in found for entry in row),
            asks_transaction=any("transaction_id" in entry.include for row in found for entry in row),
            asks_usage=any("usage" in entry.include for row in found for entry in row),
            counted=_counted(entry for row in found for entry in row if "token_count" in entry.write),
        )

    def sees(self, *names: str) -> bool:
        """Tell whether any processor, of any router, may be given one of these fields."""
        return any(
            name not in entry.exclude and (not entry.include or name in entry.include)
            for row in (*self.sync_rows, *self.async_rows)
            for entry in row
            for name in names
        )

    def counts_tokens(self, *paths: str) -> bool:
        """Tell whether a processor writes `token_count` on calls of routers with these paths."""
        return self.counted is None or not self.counted.isdisjoint(paths)

    def rows_for_routers(self, *paths: str) -> ProcessorRows:
        """The rows that run before the reply, for a call that uses the routers with these paths."""
        return _rows_for_routers(self.sync_rows, paths) if self.by_router and self.sync_rows else self.sync_rows

    def async_rows_for_routers(self, *paths: str) -> ProcessorRows:
        """The rows that run after the reply, for a call that uses the routers with these paths."""
        return _rows_for_routers(self.async_rows, paths) if self.by_router and self.async_rows else self.async_rows


def row_for_routers(row: ProcessorRow, *paths: str) -> ProcessorRow:
    """The processors of a row that apply to at least one of the routers with these paths."""
    return tuple(entry for entry in row if not entry.routers or not entry.routers.isdisjoint(paths))


def _rows_for_routers(found: ProcessorRows, paths: tuple[str, ...]) -> ProcessorRows:
    return _nonempty(row_for_routers(row, *paths) for row in found)


def _counted(entries: Iterable[Processor]) -> frozenset[str] | None:
    found = [entry.routers for entry in entries]
    return None if not all(found) else frozenset[str]().union(*found)


def _nonempty(found: Iterable[ProcessorRow]) -> ProcessorRows:
    return tuple(row for row in found if row)
