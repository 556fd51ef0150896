"""Figures on the pages are the sums of the calls to the last digit, in every time zone, also when clocks change."""

import csv
import io
import re
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from gecholog.ledger.database import open_reader, open_writer
from gecholog.ledger.location import locate
from gecholog.ledger.money import PICO
from services.gui.appliance import Appliance
from services.gui.ledger.names import Names
from services.gui.ledger.overview_answer import chart, overview_answer
from services.gui.ledger.selection import Selection
from services.gui.ledger.span import span_of
from services.gui.ledger.usage_answer import By, Measure, UsageAsked, usage_answer
from services.gui.ledger.usage_table import csv as usage_csv
from services.gui.pages import overview, usage
from tests.support.ledger_calls import made_calls, matches, totals_of

# Clocks go back in Stockholm on 2026-10-25, and in New York on 2026-11-01.
START, END = datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)
ZONES = ["UTC", "Europe/Stockholm", "America/New_York", "Asia/Kolkata", "Pacific/Chatham"]
NOBODY = Appliance(True, True, (), ())
_FIGURE = re.compile(
    r'figure-title">(\w+)</div>\s*<div class="figure-line"><span class="figure-value"><data value="([\d.]+)"'
)
CALLS = list(made_calls(1500, int(START.timestamp()) * 10**6, int(END.timestamp()) * 10**6))


@pytest.fixture(scope="module")
def location(tmp_path_factory):
    return locate(f"sqlite://{tmp_path_factory.mktemp('ledger')}/ledger.db")


@pytest.fixture
async def ledger(location):
    if not location.file.exists():
        made = open_writer(location)
        await made.migrate()
        await made.insert(CALLS)
        await made.close()
    async with open_reader(location) as opened:
        yield opened


def week(zone, **more):
    """The local week in which the clocks of Stockholm change."""
    return span_of({"from": "2026-10-21", "to": "2026-10-27", "zone": zone} | more, 0, "7d", "UTC")


def of(asked):
    return [call for call in CALLS if matches(call, asked)]


def exact(cell):
    """An exact decimal of USD as pico-USD."""
    amount = Fraction(cell) * PICO
    assert amount.denominator == 1
    return int(amount)


@pytest.mark.parametrize("zone", ZONES)
async def test_days(ledger, zone):
    span = week(zone)
    asked = UsageAsked(span, Selection(), By.DAY, Measure.COST)
    answer = await usage_answer(ledger, asked)
    rows = list(csv.DictReader(io.StringIO("".join(usage_csv(answer, By.DAY)))))
    assert [row["day"] for row in rows] == [f"2026-10-{day}" for day in range(21, 28)]
    local = Counter()
    for call in of(Selection().filter(span.range)):
        day = datetime.fromtimestamp(call.started_us / 10**6, ZoneInfo(zone)).date().isoformat()
        local[day, "calls"] += 1
        local[day, "cost"] += call.cost_pico or 0
        local[day, "tokens"] += call.total_tokens or 0
    for row in rows:
        expected = tuple(local[row["day"], name] for name in ("calls", "tokens", "cost"))
        assert (int(row["calls"]), int(row["total_tokens"]), exact(row["cost_usd"])) == expected
    assert sum(exact(row["cost_usd"]) for row in rows) == answer.totals.cost_pico


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "Asia/Kolkata"])
@pytest.mark.parametrize("by", [one for one in By if one not in {By.DAY, By.TAG}])
async def test_groups(ledger, zone, by):
    span = week(zone)
    asked = UsageAsked(span, Selection(), by, Measure.COST, limit=2)
    answer = await usage_answer(ledger, asked)
    rows = list(csv.DictReader(io.StringIO("".join(usage_csv(answer, by)))))
    chosen = totals_of(of(Selection().filter(span.range)))
    assert sum(int(row["calls"]) for row in rows) == answer.totals.calls == chosen.calls
    assert sum(exact(row["cost_usd"]) for row in rows) == answer.totals.cost_pico == chosen.cost_pico
    for group in answer.groups:
        if not group.is_rest and group.key:
            selection = Selection(**{by.value: group.key})
            assert group.totals == totals_of(of(selection.filter(span.range)))


async def test_tags(ledger):
    span = week("Europe/Stockholm")
    answer = await usage_answer(ledger, UsageAsked(span, Selection(), By.TAG, Measure.CALLS))
    assert {group.key for group in answer.groups} == {"a", "b"}
    for group in answer.groups:
        assert group.totals == totals_of(of(Selection(tag=group.key).filter(span.range)))
    one = await usage_answer(ledger, UsageAsked(span, Selection(tag="a", model="claude"), By.TAG, Measure.CALLS))
    assert [group.totals for group in one.groups] == [totals_of(of(one_filter(span, tag="a", model="claude")))]


def one_filter(span, **given):
    return Selection(**given).filter(span.range)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"model": "gpt-4o"},
        {"client": "k1", "status": "failed"},
        {"router": "/v1/", "provider": "openai", "status": "ok"},
        {"status": "429"},
        {"owner": "sales", "tag": "b"},
        {"client": "(none)"},
    ],
)
async def test_the_overview_with_filters(ledger, drawn, query):
    span, selection = week("Europe/Stockholm"), Selection.of(query)
    answer = await overview_answer(ledger, span, selection)
    calls = of(selection.filter(span.range))
    assert answer.totals == totals_of(calls)
    assert answer.before == totals_of(of(selection.filter(span.before)))
    assert sum(group.totals.cost_pico for group in answer.models) == answer.totals.cost_pico
    assert sum(one.calls for one in answer.errors) == sum(bool(call.error_class) for call in calls)
    lines = (await chart(ledger, span, selection)).lines
    assert sum(sum(line.calls) for line in lines) == len(calls)

    view = overview.view_of(span, selection, answer, Names())
    text = drawn(
        "overview.html", view=view, budgets=overview.Budgets(), appliance=NOBODY,
        stopped="", fields=(), bus=True, now=0.0,
    )  # fmt: skip
    shown = dict(
        re.findall(
            r'figure-title">(\w+)</div>\s*<div class="figure-line"><span class="figure-value"><data value="([\d.]+)"',
            text,
        )
    )
    assert int(shown["Calls"]) == len(calls)
    assert exact(shown["Cost"]) == sum(call.cost_pico or 0 for call in calls)


async def test_the_page_of_usage_has_the_exact_cost_in_its_tooltips(ledger, drawn, reader):
    asked = UsageAsked(week("America/New_York"), Selection(), By.MODEL, Measure.COST)
    answer = await usage_answer(ledger, asked)
    text = drawn(
        "usage.html", reader("/usage"), view=usage.view_of(asked, answer), fields=(), groupings=By, measures=Measure
    )
    for group in answer.groups:
        if group.totals.cost_pico:
            values = {exact(value) for value in re.findall(r'<data value="([\d.]+)"', text)}
            assert group.totals.cost_pico in values
