"""Deletes what has been kept long enough, and what a client asks to be forgotten. In small batches, so nobody waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from gecholog.ledger import tables
from gecholog.ledger.database import Database
from gecholog.ledger.kept import Retention, cutoff_us
from gecholog.ledger.migrate import GENERATION, PRUNED, set_value, value_of
from gecholog.ledger.rows import DAY_US, HOUR_US

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
    calls_us = cutoff_us(now, kept.calls_days)
    rollups_us = cutoff_us(now, kept.rollups_days) // DAY_US * DAY_US  # so that hours and days agree
    payloads_us = max(calls_us, cutoff_us(now, kept.payloads_days))
    async with ledger.writing() as connection:
        calls = await _delete_before(connection, calls_us)
        stale = select(tables.payloads.c.call_id).where(tables.payloads.c.started_us < payloads_us).limit(BATCH)
        ids = list((await connection.execute(stale)).scalars())
        await _delete_in(connection, tables.payloads, "call_id", ids)
        rollups = 0
        for rollup in (tables.GROUPS, *tables.SMALL_ROLLUPS):
            rollups += await _delete_periods(connection, rollup.hourly, rollups_us // HOUR_US)
            rollups += await _delete_periods(connection, rollup.daily, rollups_us // DAY_US)
    if rollups:
        await _delete_unused_groups(ledger)
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
        statement = select(func.count()).select_from(tables.calls).where(_of_client(client_key))
        return int((await connection.execute(statement)).scalar_one())


async def erase_client(ledger: Database, client_key: str) -> Deleted:
    """Delete all rows of a client key: calls, attempts, payloads, groups, its name, and its sums.

    The sums by model and by router keep its calls as numbers, which do not tell whose they were.
    """
    total = Deleted()
    while True:
        async with ledger.writing() as connection:
            count = await _delete_calls_of(connection, client_key)
        total += Deleted(calls=count)
        if not count:
            break
    async with ledger.writing() as connection:
        await _begin_generation(connection)  # from here on, no call of the client can come between
        while count := await _delete_calls_of(connection, client_key):
            total += Deleted(calls=count)
        own = select(tables.call_groups.c.id).where(_key_is(tables.call_groups, client_key))
        gone = 0
        for table in (tables.GROUPS.hourly, tables.GROUPS.daily):
            gone += (await connection.execute(delete(table).where(table.c.group_id.in_(own)))).rowcount
        for table in (tables.CLIENTS.hourly, tables.CLIENTS.daily):
            gone += (await connection.execute(delete(table).where(_key_is(table, client_key)))).rowcount
        for table in (tables.clients, tables.call_groups):
            await connection.execute(delete(table).where(_key_is(table, client_key)))
    return total + Deleted(rollups=gone)


def _key_is(table: Table, client_key: str) -> ColumnElement[bool]:
    return and_(table.c.client_key == client_key, table.c.client_key != "")


def _of_client(client_key: str) -> ColumnElement[bool]:
    groups = tables.call_groups
    return tables.calls.c.group_id.in_(select(groups.c.id).where(_key_is(groups, client_key)))


async def _delete_calls_of(connection: AsyncConnection, client_key: str) -> int:
    own = select(tables.calls.c.id).where(_of_client(client_key)).limit(BATCH)
    return await _delete_calls(connection, list((await connection.execute(own)).scalars()))


async def _begin_generation(connection: AsyncConnection) -> None:
    """Before groups are deleted: wait for writers, and let them forget the numbers of groups."""
    await set_value(connection, GENERATION, await value_of(connection, GENERATION) + 1)


async def _delete_unused_groups(ledger: Database) -> None:
    async with ledger.writing() as connection:
        await _begin_generation(connection)
        groups, days, calls = tables.call_groups, tables.GROUPS.daily, tables.calls
        counted = groups.c.id.in_(select(days.c.group_id).distinct())
        present = exists().where(calls.c.group_id == groups.c.id)
        await connection.execute(delete(groups).where(~counted, ~present))


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
        (tables.payloads, "call_id"),
        (tables.calls, "id"),
    ):
        await _delete_in(connection, table, column, ids)
    return len(ids)


async def _delete_in(connection: AsyncConnection, table: Table, column: str, ids: list[str]) -> None:
    if ids:
        await connection.execute(delete(table).where(table.c[column].in_(ids)))


async def _delete_periods(connection: AsyncConnection, table: Table, before: int) -> int:
    """Delete a batch of the hours or days before one."""
    if not before:
        return 0
    keys: list[Any] = list(table.primary_key.columns)
    old = select(*keys).where(table.c["day" if "day" in table.c else "hour"] < before).limit(BATCH)
    found = [tuple(row) for row in await connection.execute(old)]
    if found:
        await connection.execute(delete(table).where(tuple_(*keys).in_(found)))
    return len(found)
