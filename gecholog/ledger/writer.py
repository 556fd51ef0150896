"""Stores calls: rows, roll-ups and payloads in one transaction. A call that is there already changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert

from gecholog.ledger import tables
from gecholog.ledger.migrate import PRUNED, value_of
from gecholog.ledger.rollups import KEYS, summed
from gecholog.ledger.rows import AttemptRow, CallRow
from gecholog.ledger.stored_payloads import StoredPayloads

_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


async def insert(
    connection: AsyncConnection, calls: Iterable[CallRow], payloads: dict[str, StoredPayloads] | None = None
) -> int:
    """Insert calls, and count those that are new in the roll-ups. Returns their number.

    Calls as old as those that the retention has deleted are left out: they may have been counted before. `payloads`
    are by the id of the call. The transaction is the caller's.
    """
    dialect = connection.dialect.name
    floor = await value_of(connection, PRUNED)
    # in the order of ids, so that two writers that insert the same calls do not wait for each other in a circle
    by_id = {call.id: call for call in sorted(calls, key=lambda one: one.id) if call.started_us >= floor}
    if not by_id:
        return 0
    found = await connection.execute(_insert_new(dialect), [_call(call) for call in by_id.values()])
    new = [by_id[call_id] for call_id in found.scalars()]
    if not new:
        return 0
    await _insert_rest(connection, dialect, new, payloads or {})
    for table in tables.ROLLUPS:
        await _roll_up(connection, dialect, table, new)
    return len(new)


def _insert_new(dialect: str) -> Insert:
    statement = _INSERT[dialect](tables.calls).on_conflict_do_nothing(index_elements=["id"])
    inserted: Insert = statement.returning(tables.calls.c.id)
    return inserted


async def _insert_rest(
    connection: AsyncConnection, dialect: str, new: Sequence[CallRow], payloads: dict[str, StoredPayloads]
) -> None:
    attempts = [_attempt(call, attempt) for call in new for attempt in call.attempts]
    if attempts:
        await connection.execute(_INSERT[dialect](tables.attempts), attempts)
    tags = [{"tag": tag, "started_us": call.started_us, "call_id": call.id} for call in new for tag in call.tags]
    if tags:
        await connection.execute(_INSERT[dialect](tables.call_tags), tags)
    stored = [
        {"call_id": call.id, "started_us": call.started_us, "request": found.request, "response": found.response}
        for call in new
        if (found := payloads.get(call.id)) is not None
    ]
    if stored:
        await connection.execute(_INSERT[dialect](tables.payloads), stored)
    await _name_clients(connection, dialect, new)


async def _name_clients(connection: AsyncConnection, dialect: str, new: Sequence[CallRow]) -> None:
    latest: dict[str, CallRow] = {}
    for call in new:
        if call.client_key and call.started_us >= latest.get(call.client_key, call).started_us:
            latest[call.client_key] = call
    if not latest:
        return
    insert = _INSERT[dialect](tables.clients)
    given = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["client_key"],
        set_={"name": given.name, "owner": given.owner, "seen_us": given.seen_us},
        where=tables.clients.c.seen_us <= given.seen_us,
    )
    rows = [
        {"client_key": key, "name": call.client_name, "owner": call.owner, "seen_us": call.started_us}
        for key, call in sorted(latest.items())
    ]
    await connection.execute(statement, rows)


async def _roll_up(connection: AsyncConnection, dialect: str, table: Table, new: Sequence[CallRow]) -> None:
    names = [column.name for column in table.columns]
    insert = _INSERT[dialect](table).values({name: bindparam(name) for name in names})
    added = {name: table.c[name] + insert.excluded[name] for name in (*tables.COUNTS, *tables.BUCKETS)}
    statement = insert.on_conflict_do_update(index_elements=[column.name for column in table.primary_key], set_=added)
    rows = [dict(zip(names, (*key, *sums), strict=True)) for key, sums in summed(new, KEYS[table.name]).items()]
    await connection.execute(statement, rows)


def _call(call: CallRow) -> dict[str, Any]:
    row = {name: getattr(call, name) for name in _AS_THEY_ARE}
    row["tags"] = _list(call.tags)
    row["failed_processors"] = _list(call.failed_processors)
    row["streamed"] = int(call.streamed)
    row["completed"] = int(call.completed)
    return row


_CONVERTED = frozenset({"number", "tags", "failed_processors", "streamed", "completed"})
_AS_THEY_ARE = tuple(column.name for column in tables.calls.columns if column.name not in _CONVERTED)


def _list(texts: tuple[str, ...]) -> str:
    return orjson.dumps(texts).decode() if texts else ""


def _attempt(call: CallRow, attempt: AttemptRow) -> dict[str, Any]:
    return {
        "call_id": call.id,
        "number": attempt.number,
        "router": attempt.router,
        "provider": attempt.provider,
        "model": attempt.model,
        "host": attempt.host,
        "status": attempt.status,
        "error": attempt.error,
        "started_us": attempt.started_us,
        "duration_us": attempt.duration_us,
        "prompt_tokens": attempt.prompt_tokens,
        "completion_tokens": attempt.completion_tokens,
        "cost_pico": attempt.cost_pico,
    }
