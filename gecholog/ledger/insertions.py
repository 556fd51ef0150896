"""What is inserted for a batch of calls: rows for each table, and the SQL for them. Pure.

`sqlite_store` and `postgres_store` differ only in how they hand many rows to their driver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, Table

from gecholog.ledger import tables
from gecholog.ledger.call_groups import KEY_COLUMNS, GroupKey, key_of, list_text
from gecholog.ledger.rollups import HourSums
from gecholog.ledger.rows import CallRow
from gecholog.ledger.stored_payloads import StoredPayloads

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Insertion:
    """An INSERT without its values: `INSERT INTO table (columns) VALUES … ending`."""

    table: Table
    columns: tuple[str, ...]
    ending: str = ""


def _names(columns: Iterable[Column[Any]]) -> tuple[str, ...]:
    return tuple(str(column.name) for column in columns)  # SQLAlchemy's own kind of text is no key in JSON


def _all_of(table: Table, ending: str = "") -> Insertion:
    return Insertion(table, _names(table.columns), ending)


def _added_to(table: Table) -> Insertion:
    """Add sums to those that are there."""
    key = [column.name for column in table.primary_key]
    name = table.name
    changes = [f"{one} = {name}.{one} + excluded.{one}" for one in (*tables.COUNTS, *tables.BUCKETS)]
    if "last_us" in table.c:
        changes.append(
            f"last_us = CASE WHEN excluded.last_us > {name}.last_us THEN excluded.last_us ELSE {name}.last_us END"
        )
    return _all_of(table, f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(changes)}")


_CONVERTED = ("tags", "failed_processors", "streamed", "completed")
_PLAIN = tuple(name for name in _names(tables.calls.columns) if name not in {"number", "group_id", *_CONVERTED})
_plain = attrgetter(*_PLAIN)

CALLS = Insertion(tables.calls, (*_PLAIN, *_CONVERTED, "group_id"))
GROUP = Insertion(tables.call_groups, KEY_COLUMNS, "ON CONFLICT DO NOTHING RETURNING id")
_ATTEMPT = tuple(name for name in _names(tables.attempts.columns) if name != "call_id")
_attempt = attrgetter(*_ATTEMPT)
_ATTEMPTS = Insertion(tables.attempts, ("call_id", *_ATTEMPT))
_PAYLOADS = _all_of(tables.payloads)
_CLIENTS = _all_of(
    tables.clients,
    "ON CONFLICT (client_key) DO UPDATE SET name = excluded.name, owner = excluded.owner, seen_us = excluded.seen_us "
    "WHERE clients.seen_us <= excluded.seen_us",
)
_SUMS = {
    table.name: _added_to(table)
    for rollup in (tables.GROUPS, *tables.SMALL_ROLLUPS)
    for table in (rollup.hourly, rollup.daily)
}


def candidates(calls: Iterable[CallRow], floor_us: int) -> dict[str, CallRow]:
    """The calls by id, without those that are so old that they may have been deleted.

    They are in the order of ids, so that two writers that insert the same calls do not wait for each other in a circle.
    """
    return {call.id: call for call in sorted(calls, key=attrgetter("id")) if call.started_us >= floor_us}


def groups_of(calls: Iterable[CallRow]) -> list[GroupKey]:
    """The groups of calls, in an order that all writers share."""
    return sorted({key_of(call) for call in calls})


def rows_of_calls(calls: Iterable[CallRow], ids: Mapping[GroupKey, int]) -> list[Row]:
    """The rows of `CALLS`."""
    return [
        (
            *_plain(call),
            list_text(call.tags),
            list_text(call.failed_processors),
            int(call.streamed),
            int(call.completed),
            ids[key_of(call)],
        )
        for call in calls
    ]


def rest_of(
    new: Sequence[CallRow], ids: dict[GroupKey, int], payloads: Mapping[str, StoredPayloads]
) -> Iterator[tuple[Insertion, list[Row]]]:
    """What is inserted in addition to the rows of new calls."""
    yield _ATTEMPTS, [(call.id, *_attempt(attempt)) for call in new for attempt in call.attempts]
    found = [(call, payloads[call.id]) for call in new if call.id in payloads]
    yield _PAYLOADS, [(call.id, call.started_us, stored.request, stored.response) for call, stored in found]
    yield _CLIENTS, _clients(new)
    sums = HourSums(new)
    for name, rows in sums.of_groups(ids):
        yield _SUMS[name], rows
    for rollup in tables.SMALL_ROLLUPS:
        for name, rows in sums.of(rollup):
            yield _SUMS[name], rows


def _clients(new: Sequence[CallRow]) -> list[Row]:
    latest: dict[str, CallRow] = {}
    for call in new:
        if call.client_key and call.started_us >= latest.get(call.client_key, call).started_us:
            latest[call.client_key] = call
    return [(key, call.client_name, call.owner, call.started_us) for key, call in sorted(latest.items())]
