"""What is inserted twice counts once, whoever inserts it."""

import asyncio
import random
from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy import select

from gecholog.ledger import queries, retention, tables
from gecholog.ledger.database import open_writer
from gecholog.ledger.filters import CallFilter, Dimension, TimeRange
from gecholog.ledger.migrate import PRUNED, set_value
from gecholog.ledger.rows import HOUR_US
from tests.support.ledger_calls import made_calls, totals_of

START = 500_000 * HOUR_US
CALLS = tuple(made_calls(400, START, START + 5 * HOUR_US, seed=3))
ALL = CallFilter(TimeRange(START - HOUR_US, START + 6 * HOUR_US))


async def test_repetitions_change_nothing(ledger):
    rng = random.Random(5)
    inserted = 0
    for _ in range(8):
        batch = [*rng.sample(CALLS, 150), *CALLS[:50]]
        inserted += await ledger.insert(batch)
    inserted += await ledger.insert(CALLS)
    assert inserted == len(CALLS)
    assert await queries.totals(ledger, ALL) == totals_of(CALLS)
    async with ledger.reading() as connection:
        attempts = (await connection.execute(select(tables.attempts.c.call_id))).all()
    assert len(attempts) == sum(len(call.attempts) for call in CALLS)


async def test_writers_that_insert_the_same_calls_at_once(ledger, location):
    writers = [ledger, *(open_writer(location) for _ in range(2))]

    async def insert(database, seed):
        calls = random.Random(seed).sample(CALLS, len(CALLS))
        count = 0
        for start in range(0, len(calls), 80):
            count += await database.insert(calls[start : start + 80])
        return count

    counts = await asyncio.gather(*(insert(database, seed) for seed, database in enumerate(writers)))
    assert sum(counts) == len(CALLS)
    assert await queries.totals(ledger, ALL) == totals_of(CALLS)
    for database in writers[1:]:
        await database.close()


async def test_calls_that_were_deleted_already_are_not_counted_again(ledger):
    async with ledger.writing() as connection:
        await set_value(connection, PRUNED, START + 2 * HOUR_US)
    await ledger.insert(CALLS)
    kept = [call for call in CALLS if call.started_us >= START + 2 * HOUR_US]
    assert await queries.totals(ledger, ALL) == totals_of(kept)


async def test_a_failed_transaction_leaves_nothing(ledger):
    bad = replace(CALLS[-1], duration_us=2**70)
    with pytest.raises((OverflowError, asyncpg.DataError)):
        await ledger.insert([*CALLS[:-1], bad])
    assert (await queries.totals(ledger, ALL)).calls == 0
    assert not (await queries.choices(ledger))[Dimension.MODEL]
    assert await ledger.insert(CALLS) == len(CALLS)  # numbers of groups that were not stored are not used
    assert await queries.totals(ledger, replace(ALL, tag="b")) == totals_of(call for call in CALLS if "b" in call.tags)


async def test_a_writer_notices_that_groups_are_gone(ledger, location):
    """A writer remembers the numbers of groups. Another process may delete them."""
    await ledger.insert(CALLS[:200])
    other = open_writer(location)
    await retention.erase_client(other, "k1")
    await other.close()
    await ledger.insert(CALLS[200:])
    late = [call for call in CALLS[200:] if call.client_key == "k1"]
    assert await queries.totals(ledger, replace(ALL, client="k1", errors=False)) == totals_of(
        call for call in late if not call.error_class
    )
    assert len((await queries.history(ledger, replace(ALL, client="k1"), 400)).calls) == len(late)
