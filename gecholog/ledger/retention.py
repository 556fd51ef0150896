"""Deletes what has been kept long enough, and what a client asks to be forgotten. In small batches, so nobody waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from gecholog.ledger import tables
from gecholog.ledger.database import Database
from gecholog.ledger.kept import Retention, cutoff_us
from gecholog.ledger.migrate import PRUNED, set_value, value_of
from gecholog.ledger.rows import HOUR_US

BATCH = 500
"""Calls that are deleted in one transaction."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many calls, rows of roll-ups and payloads were deleted."""

    calls: int = 0
    rollups: int = 0
    payloads: int = 0

    def __add__(self, other: Deleted) -> Deleted:
        return Deleted(self.calls + other.calls, self.rollups + other.rollups, self.payloads + other.payloads)

    def __bool__(self) -> bool:
        return bool(self.calls or self.rollups or self.payloads)


async def prune_batch(ledger: Database, kept: Retention, now: float) -> Deleted:
    """Delete one batch of what is older than the retention. Call it again until nothing is deleted."""
    calls_us, rollups_us = cutoff_us(now, kept.calls_days), cutoff_us(now, kept.rollups_days)
    payloads_us = max(calls_us, cutoff_us(now, kept.payloads_days))
    async with ledger.writing() as connection:
        calls = await _delete_before(connection, calls_us)
        stale = select(tables.payloads.c.call_id).where(tables.payloads.c.started_us < payloads_us).limit(BATCH)
        ids = list((await connection.execute(stale)).scalars())
        await _delete_in(connection, tables.payloads, "call_id", ids)
        rollups = 0
        for table in tables.ROLLUPS:
            rollups += await _delete_hours(connection, table, rollups_us // HOUR_US)
    return Deleted(calls, rollups, len(ids))


async def prune(ledger: Database, kept: Retention, now: float) -> Deleted:
    """Delete everything that is older than the retention."""
    total = Deleted()
    while deleted := await prune_batch(ledger, kept, now):
        total += deleted
    return total


async def count_of_client(ledger: Database, client_key: str) -> int:
    """How many calls of a client key the ledger has."""
    async with ledger.reading() as connection:
        statement = select(func.count()).select_from(tables.calls)
        statement = statement.where(tables.calls.c.client_key == client_key, tables.calls.c.client_key != "")
        return int((await connection.execute(statement)).scalar_one())


async def erase_client(ledger: Database, client_key: str) -> Deleted:
    """Delete all rows of a client key: calls, attempts, tags, payloads, its name, and its sums of hours.

    The sums by model and by router keep its calls as numbers, which do not tell whose they were.
    """
    total = Deleted()
    while True:
        async with ledger.writing() as connection:
            own = select(tables.calls.c.id).where(
                tables.calls.c.client_key == client_key, tables.calls.c.client_key != ""
            )
            found = list((await connection.execute(own.limit(BATCH))).scalars())
            if not found:
                break
            total += Deleted(calls=await _delete_calls(connection, found))
    async with ledger.writing() as connection:
        clients, hourly = tables.clients, tables.hourly_clients
        await connection.execute(delete(clients).where(clients.c.client_key == client_key))
        gone = await connection.execute(delete(hourly).where(hourly.c.client_key == client_key))
    return total + Deleted(rollups=gone.rowcount)


async def _delete_before(connection: AsyncConnection, calls_us: int) -> int:
    """Delete the oldest calls that began before a time, and note up to which time calls have been deleted.

    A call from before that time is not stored again, so that one that is delivered again is not counted twice. As the
    note goes no further than the deletions, a new ledger counts all old records that it is filled with in their order.
    """
    started = tables.calls.c.started_us
    old = select(tables.calls.c.id, started).where(started < calls_us).order_by(started).limit(BATCH)
    found = list(await connection.execute(old))
    if not found:
        return 0
    pruned_us = int(found[-1].started_us) + 1
    if pruned_us > await value_of(connection, PRUNED):
        await set_value(connection, PRUNED, pruned_us)
    return await _delete_calls(connection, [row.id for row in found])


async def _delete_calls(connection: AsyncConnection, ids: list[str]) -> int:
    for table, column in (
        (tables.attempts, "call_id"),
        (tables.call_tags, "call_id"),
        (tables.payloads, "call_id"),
        (tables.calls, "id"),
    ):
        await _delete_in(connection, table, column, ids)
    return len(ids)


async def _delete_in(connection: AsyncConnection, table: Table, column: str, ids: list[str]) -> None:
    if ids:
        await connection.execute(delete(table).where(table.c[column].in_(ids)))


async def _delete_hours(connection: AsyncConnection, table: Table, before: int) -> int:
    if not before:
        return 0
    keys: list[Any] = list(table.primary_key.columns)
    old = [tuple(row) for row in await connection.execute(select(*keys).where(table.c.hour < before).limit(BATCH))]
    if not old:
        return 0
    await connection.execute(delete(table).where(tuple_(*keys).in_(old)))
    return len(old)
