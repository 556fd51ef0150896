"""Answers are equal to what plain Python adds up, in both databases, from roll-ups and from rows."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gecholog.ledger import queries
from gecholog.ledger.answers import Cursor, Totals, added
from gecholog.ledger.database import open_reader, open_writer
from gecholog.ledger.filters import CallFilter, Dimension, TimeRange
from gecholog.ledger.histogram import SIZE
from gecholog.ledger.location import locate
from gecholog.ledger.queries import Order
from gecholog.ledger.rows import HOUR_US
from tests.support.ledger_calls import made_calls, matches, totals_of
from tests.support.ledger_questions import ZONES, answers

DAY_US = 24 * HOUR_US
START = int(datetime(2026, 10, 23, 5, 17, 3, tzinfo=UTC).timestamp()) * 10**6 + 123
END = START + 4 * DAY_US + 1234567
CALLS = tuple(made_calls(1500, START, END))
ALL = CallFilter(TimeRange(START - DAY_US, END + DAY_US))
INNER = CallFilter(TimeRange(START + DAY_US // 3, END - DAY_US // 5))
SMALL = CallFilter(TimeRange(START + 5 * HOUR_US + 7, START + 5 * HOUR_US + HOUR_US // 2))

FILTERS = [
    ALL,
    INNER,
    SMALL,
    replace(INNER, router="/v1/"),
    replace(INNER, client="k1"),
    replace(INNER, client=""),
    replace(INNER, owner="sales"),
    replace(INNER, tag="b"),
    replace(INNER, model="gpt-4o"),
    replace(INNER, provider="openai", model="gpt-4o", status_class=2),
    replace(INNER, status=500),
    replace(INNER, status=200),
    replace(INNER, errors=True),
    replace(INNER, errors=False),
    replace(INNER, error_class="incomplete"),
    replace(INNER, session="S7"),
    replace(INNER, client="k1", model="gpt-4o", router="/v1/"),
    replace(INNER, tag="a", provider="openai"),
    replace(INNER, router="/v1/", errors=True),
    replace(INNER, router="/v1/", status_class=4, errors=False),
    replace(INNER, owner="sales", status=200, tag="b"),
    replace(INNER, session="S7", model="gpt-4o", errors=False),
    replace(INNER, model="nobody's"),
]


def chosen(asked):
    return [call for call in CALLS if matches(call, asked)]


def grouped(calls, key):
    found = defaultdict(list)
    for call in calls:
        found[key(call)].append(call)
    return {name: totals_of(group) for name, group in found.items()}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled_location(request, tmp_path_factory):
    """A ledger with `CALLS`, made once for each database."""
    if request.param == "sqlite":
        location = locate(f"sqlite://{tmp_path_factory.mktemp('ledger')}/ledger.db")
    else:
        location = locate(request.getfixturevalue("postgres").create("filled"))
    asyncio.run(_fill(location))
    return location


async def _fill(location):
    database = open_writer(location)
    await database.migrate()
    for start in range(0, len(CALLS), 700):
        batch = CALLS[start : start + 700]
        assert await database.insert(batch) == len(batch)
    await database.close()


@pytest.fixture
async def filled(filled_location):
    """The ledger with `CALLS`, open for reading."""
    async with open_reader(filled_location) as reader:
        yield reader


async def test_totals(filled):
    for asked in FILTERS:
        assert await queries.totals(filled, asked) == totals_of(chosen(asked)), asked


@pytest.mark.parametrize("dimension", list(Dimension))
async def test_top(filled, dimension):
    for asked in FILTERS[list(Dimension).index(dimension) % 3 :: 3]:
        found = await queries.top(filled, asked, dimension, Order.CALLS, 100)
        groups = grouped(chosen(asked), lambda call: getattr(call, dimension.value))
        assert {group.key: group.totals for group in found} == {
            "" if key is None else str(key): sums for key, sums in groups.items()
        }
        assert found == sorted(found, key=lambda group: (-group.totals.calls, group.key))


async def test_top_names_clients_and_adds_up_the_rest(filled):
    found = await queries.top(filled, ALL, Dimension.CLIENT, Order.COST, 2, rest=True)
    assert [group.is_rest for group in found] == [False, False, True]
    assert all(group.name == {"k1": "ci", "k2": "shop", "k3": "x", "": ""}[group.key] for group in found[:2])
    assert added(group.totals for group in found) == totals_of(CALLS)


@pytest.mark.parametrize("seconds", [3600, 6 * 3600, 900, 86_400])
async def test_time_series(filled, seconds):
    """Steps that are not whole hours are read from rows where they have to be."""
    step = seconds * 10**6
    for asked in (INNER, replace(INNER, model="gpt-4o"), replace(INNER, tag="b")):
        found = await queries.time_series(filled, asked, seconds)
        assert {point.start_us: point.totals for point in found} == grouped(
            chosen(asked), lambda call: call.started_us // step * step
        )
        assert [point.start_us for point in found] == sorted(point.start_us for point in found)


async def test_time_series_by_group_with_a_rest(filled):
    found = await queries.time_series(filled, INNER, 6 * 3600, Dimension.MODEL, order=Order.TOKENS, limit=2)
    sizes = Counter()
    for call in chosen(INNER):
        sizes[call.model] += call.total_tokens or 0
    largest = {name for name, _ in sizes.most_common(2)}
    assert {point.key for point in found if not point.is_rest} == largest
    assert added(point.totals for point in found) == totals_of(chosen(INNER))


@pytest.mark.parametrize("dimension", list(Dimension), ids=lambda one: one.name.lower())
@pytest.mark.parametrize("seconds", [3600, 86_400])
async def test_time_series_of_some_counts(filled, dimension, seconds):
    """A series of the counts that are asked for has the same points in the same order: by time, the rest last."""
    for asked in (INNER, replace(INNER, errors=True)):
        whole = await queries.time_series(filled, asked, seconds, dimension, limit=2)
        some = await queries.time_series(filled, asked, seconds, dimension, limit=2, counts=("cost_pico",))
        assert whole == sorted(whole, key=lambda point: (point.start_us, point.is_rest, point.key))
        assert some == [
            replace(one, totals=Totals(calls=one.totals.calls, cost_pico=one.totals.cost_pico)) for one in whole
        ]


async def test_top_tags(filled):
    """A call counts for each of its tags, and for a tag that is asked for only there."""
    for asked in FILTERS:
        tags = {tag for call in chosen(asked) for tag in call.tags}
        wanted = tags if asked.tag is None else tags & {asked.tag}
        found = await queries.top_tags(filled, asked, Order.CALLS, limit=100)
        assert {group.key: group.totals for group in found} == {
            tag: totals_of(call for call in chosen(asked) if tag in call.tags) for tag in wanted
        }
        assert found == sorted(found, key=lambda group: (-group.totals.calls, group.key))


@pytest.mark.parametrize("zone", ZONES)
async def test_cost_by_local_day(filled, zone):
    """Days of 23, 24 and 25 hours, and days that begin at half past. Clocks change on 25 October 2026 in Berlin."""
    place = ZoneInfo(zone)
    for asked in (INNER, replace(INNER, client="k1"), replace(INNER, tag="b")):
        found = await queries.cost_by_day(filled, asked, place, Dimension.OWNER)
        groups = grouped(
            chosen(asked),
            lambda call: (datetime.fromtimestamp(call.started_us // 10**6, place).date().isoformat(), call.owner),
        )
        assert {(day.date, day.key): (day.calls, day.cost_pico, day.total_tokens, day.unpriced) for day in found} == {
            key: (sums.calls, sums.cost_pico, sums.total_tokens, sums.unpriced) for key, sums in groups.items()
        }


async def test_latency(filled):
    for asked in FILTERS:
        found = await queries.latency(filled, asked, Dimension.ROUTER)
        expected = defaultdict(lambda: [0] * SIZE)
        for call in chosen(asked):
            expected[call.router][call.latency_bucket] += 1
        assert {one.key: list(one.counts) for one in found} == expected
    series = await queries.latency_series(filled, INNER, 3600)
    assert sum(one.calls for one in series) == len(chosen(INNER))
    assert await queries.latency(filled, FILTERS[-1]) == []


async def test_percentiles_are_near_the_true_ones(filled):
    (found,) = await queries.latency(filled, ALL)
    durations = sorted(call.duration_us for call in CALLS)
    for percent in (50, 90, 95, 99):
        true = durations[round(len(durations) * percent / 100) - 1]
        assert found.percentile_us(percent) == pytest.approx(true, rel=0.34)


async def test_error_breakdown(filled):
    for asked in FILTERS:
        found = await queries.error_breakdown(filled, asked)
        failed = [call for call in chosen(asked) if call.error_class]
        assert {(one.error_class, one.status): one.calls for one in found} == Counter(
            (call.error_class, call.status) for call in failed
        )
        assert max((one.last_us for one in found), default=None) == max(
            (call.started_us for call in failed), default=None
        )


async def test_history_by_pages(filled):
    for asked in FILTERS:
        seen, after = [], None
        while True:
            page = await queries.history(filled, asked, 200, after)
            seen += [call.id for call in page.calls]
            if page.next is None:
                break
            after = Cursor.parse(str(page.next))
        expected = sorted(chosen(asked), key=lambda call: (call.started_us, call.id), reverse=True)
        assert seen == [call.id for call in expected]


async def test_one_call(filled):
    call = next(call for call in CALLS if call.attempts and call.tags and call.failed_processors)
    found = await queries.call_by_id(filled, call.id)
    assert found is not None
    assert [getattr(found.call, name) for name in found.call.__slots__] == [
        getattr(call, name) for name in found.call.__slots__
    ]
    assert [(one.number, one.provider, one.status) for one in found.attempts] == [(1, call.provider, call.status)]
    assert await queries.call_by_id(filled, "nobody's") is None


async def test_unpriced_models(filled):
    (found,) = await queries.unpriced_models(filled, INNER)
    unpriced = [call for call in chosen(INNER) if call.model == "Zoë" and call.total_tokens]
    assert (found.provider, found.model, found.calls) == ("", "Zoë", len(unpriced))


_first: list[tuple[str, bytes]] = []


async def test_both_databases_answer_with_the_same_bytes(filled):
    """The answers of the first database are compared with those of the second. `test_both_databases` asks of more."""
    found = [one async for one in answers(filled, FILTERS[::4], [call.id for call in CALLS[:5]])]
    assert len(found) > 200
    if not _first:
        _first.extend(found)
    assert found == _first


async def test_limits(filled):
    with pytest.raises(ValueError, match="from 1 to"):
        await queries.history(filled, ALL, 0)
    with pytest.raises(ValueError, match="more than"):
        await queries.time_series(filled, INNER, 1)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["nul", "surrogate"])
@pytest.mark.parametrize("field", ["client", "tag", "error_class", "session"])
async def test_texts_that_databases_refuse_are_looked_for_as_they_are_stored(ledger, field, text):
    asked = CallFilter(TimeRange(0, 2 * DAY_US), **{field: text})
    stored = getattr(asked, field)
    assert "\N{REPLACEMENT CHARACTER}" in stored
    call = replace(
        next(made_calls(1, DAY_US, DAY_US + 1)),
        id=stored,
        client_key=stored,
        tags=(stored,),
        error_class=stored,
        session_id=stored,
    )
    await ledger.insert([call])
    assert (await queries.totals(ledger, asked)).calls == 1
    assert len((await queries.history(ledger, asked)).calls) == 1
    assert (await queries.call_by_id(ledger, text)).call.id == stored
