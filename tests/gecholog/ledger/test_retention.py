"""Old rows go, sums of hours stay longer, and a client can be forgotten."""

from sqlalchemy import func, select

from gecholog.ledger import queries, retention, tables
from gecholog.ledger.call_groups import key_of
from gecholog.ledger.filters import CallFilter, Dimension, TimeRange
from gecholog.ledger.kept import Retention
from gecholog.ledger.queries import Order
from gecholog.ledger.rows import HOUR_US
from gecholog.ledger.stored_payloads import StoredPayloads
from tests.support.ledger_calls import made_calls, totals_of

NOW_H = 500_000
NOW = NOW_H * 3600 + 60
DAY = 24 * HOUR_US
START = NOW_H * HOUR_US - 10 * DAY
CALLS = tuple(made_calls(700, START, NOW_H * HOUR_US, seed=4))
ALL = CallFilter(TimeRange(START, NOW_H * HOUR_US))


async def fill(ledger):
    payloads = {call.id: StoredPayloads(b"x", None) for call in CALLS}
    await ledger.insert(CALLS, payloads)


async def counts(ledger):
    async with ledger.reading() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (tables.calls, tables.attempts, tables.payloads, tables.call_groups)
        }


async def test_each_table_is_kept_as_long_as_it_is_configured(ledger):
    await fill(ledger)
    deleted = await retention.prune(ledger, Retention(calls_days=4, rollups_days=8, payloads_days=2), NOW)
    kept = [call for call in CALLS if call.started_us >= NOW_H * HOUR_US - 4 * DAY]
    found = await counts(ledger)
    assert deleted.calls == len(CALLS) - len(kept)
    assert found["calls"] == len(kept)
    assert found["attempts"] == sum(len(call.attempts) for call in kept)
    assert found["payloads"] == sum(call.started_us >= NOW_H * HOUR_US - 2 * DAY for call in CALLS)
    # sums go by whole days
    summed = [call for call in CALLS if call.started_us >= (NOW_H * HOUR_US - 8 * DAY) // DAY * DAY]
    assert await queries.totals(ledger, ALL) == totals_of(summed)
    assert not await retention.prune(ledger, Retention(4, 8, 2), NOW)


async def test_old_records_that_fill_a_new_ledger_are_in_the_sums(ledger):
    kept = Retention(calls_days=1, rollups_days=0, payloads_days=0)
    assert not await retention.prune(ledger, kept, NOW)
    calls = sorted(CALLS, key=lambda call: call.started_us)
    for start in range(0, len(calls), 200):
        await ledger.insert(calls[start : start + 200])
        await retention.prune(ledger, kept, NOW)
        await ledger.insert(calls[: start + 200])
    assert await queries.totals(ledger, ALL) == totals_of(CALLS)
    assert (await counts(ledger))["calls"] == sum(call.started_us >= NOW_H * HOUR_US - DAY for call in CALLS)


async def test_sums_while_some_rows_of_an_hour_are_deleted(ledger):
    await fill(ledger)
    await retention.prune_batch(ledger, Retention(1, 0, 0), NOW)
    oldest = sorted(call.started_us for call in CALLS)
    for start, newest in ((START, oldest[499] + 1), (START, oldest[500] + 1), (oldest[500], NOW_H * HOUR_US)):
        asked = CallFilter(TimeRange(start, -(-newest // HOUR_US) * HOUR_US - 1))
        hours = range(start // HOUR_US, asked.range.end_us // HOUR_US + 1)
        whole = [call for call in CALLS if call.started_us // HOUR_US in hours]
        assert await queries.totals(ledger, asked) == totals_of(whole)


async def test_nothing_is_deleted_with_zero_days(ledger):
    await fill(ledger)
    before = await counts(ledger)
    assert not await retention.prune(ledger, Retention(0, 0, 0), NOW)
    assert await counts(ledger) == before


async def test_a_client_is_forgotten(ledger):
    await fill(ledger)
    own = [call for call in CALLS if call.client_key == "k1"]
    assert await retention.count_of_client(ledger, "k1") == len(own)
    deleted = await retention.erase_client(ledger, "k1")
    assert deleted.calls == len(own)
    groups = await queries.top(ledger, ALL, Dimension.CLIENT, Order.CALLS)
    assert {group.key for group in groups} == {"k2", "k3", ""}
    others = [call for call in CALLS if call.client_key != "k1"]
    assert (await counts(ledger))["call_groups"] == len({key_of(call) for call in others})
    assert not (await queries.history(ledger, CallFilter(ALL.range, client="k1"))).calls
    assert await queries.totals(ledger, ALL) == totals_of(CALLS)  # by router: numbers without a name


async def test_numbers_of_deleted_calls_do_not_come_back(ledger):
    await fill(ledger)
    newest = await queries.newest_number(ledger)
    for key in ("k1", "k2", "k3"):
        await retention.erase_client(ledger, key)
    await retention.prune(ledger, Retention(1, 1, 0), NOW + 30 * 86_400)  # everything else
    assert set((await counts(ledger)).values()) == {0}
    assert await queries.newest_number(ledger) == 0
    later = tuple(made_calls(1, NOW * 10**6 + 31 * DAY, NOW * 10**6 + 32 * DAY, seed=5))
    await ledger.insert(later)
    number, found = await queries.since_number(ledger, ALL, newest)
    assert number > newest
    assert [call.id for call in found] == [call.id for call in later]


async def test_calls_without_a_key_are_not_a_client(ledger):
    await fill(ledger)
    assert await retention.count_of_client(ledger, "") == 0
    assert (await retention.erase_client(ledger, "")).calls == 0
