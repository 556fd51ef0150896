"""Each page in each of its states, as a function of its data: full, empty, loading, error, no ledger, no permission."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gecholog.ledger.answers import (
    Attempt,
    Call,
    CallDetail,
    Cursor,
    Day,
    ErrorCount,
    Group,
    Page,
    Totals,
    UnpricedModel,
)
from services.gui.appliance import Appliance, ServiceHealth
from services.gui.ledger.access import LedgerAway, NoLedger, StillAdding
from services.gui.ledger.condition import notice_of
from services.gui.ledger.names import Names
from services.gui.ledger.overview_answer import OverviewAnswer, Percentiles
from services.gui.ledger.selection import Selection
from services.gui.ledger.span import span_of
from services.gui.ledger.usage_answer import By, Measure, UsageAnswer, UsageAsked
from services.gui.live.tally import Tally
from services.gui.pages import history, overview, usage
from services.gui.roles import Role
from services.gui.spent import Spender, Use

HOSTILE = "<script>alert(1)</script>\" onload='x"
NOW = 1_796_000_000.0
SPAN = span_of({"range": "24h"}, NOW, "24h", "Europe/Stockholm")
WELL = Appliance(True, True, (ServiceHealth("nats2ledger", "healthy", "", NOW, 1, ""),), ())
LOADING = notice_of(StillAdding("the figures are still being added up"))
AWAY = notice_of(LedgerAway("connection refused"))
NO_LEDGER = notice_of(NoLedger("there is no ledger yet at /app/data/ledger.db"))
STATES = {"Adding up": LOADING, "The ledger cannot be read": AWAY, "No ledger yet": NO_LEDGER}

SUMS = Totals(calls=1200, errors=12, unpriced=3, prompt_tokens=9000, completion_tokens=1000, total_tokens=10_000,
              cached_tokens=100, cost_pico=412_799_100_000_001)  # fmt: skip
ANSWER = OverviewAnswer(
    SUMS,
    Totals(calls=1000, errors=20, cost_pico=400 * 10**12),
    Percentiles(800_000, 4_100_000),
    Percentiles(700_000, 4_000_000),
    (Group(HOSTILE, SUMS), Group("", SUMS, is_rest=True)),
    (Group("k1", SUMS, HOSTILE), Group("", SUMS)),
    (ErrorCount("provider_rate_limit", 429, 7, int(NOW) * 10**6), ErrorCount("no_reply", None, 2, int(NOW) * 10**6)),
)
CALL = Call(
    id="0" * 32, stream_sequence=7, started_us=int(NOW) * 10**6, session_id="S1_0", transaction_id="T1_0",
    router=HOSTILE, method="POST", endpoint="v1/chat/completions", client_key="k1", client_name=HOSTILE, owner=HOSTILE,
    tags=(HOSTILE,), requested_model=HOSTILE, provider=HOSTILE, model=HOSTILE, status=200, status_class=2,
    error_class="", streamed=True, completed=True, attempt_count=1, usage_source="provider", prompt_tokens=10,
    completion_tokens=5, total_tokens=15, cached_tokens=None, cache_creation_tokens=None, reasoning_tokens=2,
    cost_pico=20_753_250_000, extra_cost_pico=0, price_version="2026-11-30", duration_us=3_546_000, upstream_us=3_500,
    first_chunk_us=400_000, overhead_us=46_000, latency_bucket=9, request_bytes=10, response_bytes=20,
    failed_processors=(HOSTILE,),
)  # fmt: skip
ATTEMPT = Attempt(1, "/v1/", HOSTILE, HOSTILE, HOSTILE, None, HOSTILE, CALL.started_us, 3000, None, None, None)


class _Tags(HTMLParser):
    """Notes what values of the ledger must not have become."""

    def __init__(self):
        super().__init__()
        self.harm, self.is_in_script = [], False

    def handle_starttag(self, tag, attrs):
        self.is_in_script = tag == "script"
        self.harm += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        if self.is_in_script and data.strip():
            self.harm.append(data)

    def handle_endtag(self, _):
        self.is_in_script = False


def is_safe(text):
    """Hostile values are on the page, and none of them has become a tag or an attribute."""
    tags = _Tags()
    tags.feed(text)
    return not tags.harm and "&lt;script&gt;" in text


@pytest.fixture
def overview_page(drawn):
    def draw(view, budgets=None, found=WELL, **values):
        given = {"budgets": budgets or overview.Budgets(), "appliance": found, "stopped": "", "bus": True, "now": NOW}
        fields = ("router", "client", "provider", "model", "status")
        return drawn("overview.html", view=view, fields=fields, **given | values)

    return draw


def view(answer=ANSWER, selection=None, **more):
    names = Names(routers=(HOSTILE,), clients=(("k1", HOSTILE),))
    return overview.view_of(SPAN, selection or Selection(), answer, names, **more)


# ---------------------------------------------------------------- overview


def test_overview_with_calls(overview_page):
    text = overview_page(view())
    assert is_safe(text)
    assert 'title="exactly $412.799100000001">$412.80<' in text
    assert "and 3 calls without a price" in text
    assert "the provider answered 429" in text
    assert "Calls per 15 minutes by model" in text
    assert "No client key has a budget." in text
    assert "/mainmenu-parts?range=24h" in text


def test_overview_without_calls(overview_page):
    empty = OverviewAnswer(Totals(), Totals(), Percentiles(), Percentiles(), (), (), ())
    unfiltered = overview_page(view(empty))
    assert "curl -s" in unfiltered
    assert "There are no calls in this time." in unfiltered
    filtered = overview_page(view(empty, Selection(model=HOSTILE)))
    assert "Remove the filter" in filtered
    assert "No call of this time fits the filter." in filtered
    assert is_safe(filtered)


@pytest.mark.parametrize("title", ["Adding up", "The ledger cannot be read"])
def test_overview_that_has_no_answer(overview_page, title):
    text = overview_page(overview.OverviewView(SPAN, Selection(), notice=STATES[title]))
    assert title in text
    assert ('http-equiv="refresh"' in text) == (title == "Adding up")
    assert "nats2ledger" in text  # services and budgets are shown in any case
    assert "Budgets" in text


def test_overview_without_a_ledger_shows_what_the_interface_has_seen(overview_page):
    tally = Tally()
    nothing = overview_page(overview.live_view(SPAN, Selection(), tally, (), NO_LEDGER))
    assert "No calls yet" in nothing
    assert "No ledger yet" in nothing
    view = overview.live_view(SPAN, Selection(), tally, (), NO_LEDGER)
    seen = replace(view, figures=overview.tally_figures(tally.between(0, 1)))
    assert "Calls per minute by model" in overview_page(seen)


def test_overview_says_that_the_ledger_is_not_written(overview_page):
    off = Appliance(True, True, (ServiceHealth("nats2ledger", "off", "", NOW, 1, ""),), ())
    assert "nats2ledger is off" in overview.stopped_writer(off)
    assert overview.stopped_writer(WELL) == ""
    assert "nats2ledger is off" in overview_page(view(), found=off, stopped=overview.stopped_writer(off))


def test_overview_with_budgets(overview_page):
    full = Spender("key", "k1", HOSTILE, (Use("usd", "month", 40 * 10**9, 40 * 10**9, resets=NOW, is_budget=True),))
    near = Spender("owner", HOSTILE, HOSTILE, (Use("tokens", "day", 85, 100, resets=NOW, is_budget=True),))
    text = overview_page(view(), overview.Budgets((full, near), 2))
    assert is_safe(text)
    assert "$40.00 of $40.00" in text
    assert "nearly used up" in text
    assert "Not known: the bus" in overview_page(view(), overview.Budgets(reason="the bus is not reached"))
    assert "No budget is nearly used up." in overview_page(view(), overview.Budgets(limited=4))


def test_a_wrong_address_is_said(overview_page):
    assert "The range must be one of 1h. It was left out." in overview_page(view(problem="the range must be one of 1h"))


# ---------------------------------------------------------------- history


@pytest.fixture
def history_page(drawn, reader):
    return lambda view: drawn("history.html", reader("/history"), view=view, fields=history.FIELDS)


def test_history_with_calls(history_page):
    page = Page((CALL, replace(CALL, status=None, error_class="no_reply", cost_pico=None)), Cursor(5, "x&y"))
    text = history_page(history.view_of(SPAN, Selection(), page, Names(), is_first=True))
    assert is_safe(text)
    assert "after=5_x%26y" in text
    assert "no reply" in text
    assert "history.csv?range=24h" in text
    assert 'title="exactly $0.02075325"' in text
    later = history.view_of(SPAN, Selection(), Page((CALL,)), Names(), is_first=False)
    assert "Latest</a>" in history_page(later)
    assert "Older" not in history_page(later)


def test_history_without_calls(history_page):
    text = history_page(history.view_of(SPAN, Selection(status="failed"), Page(()), Names(), is_first=True))
    assert "Remove the filter" in text
    searched = history.view_of(SPAN, Selection(), Page((CALL,)), Names(), is_first=True, searched=HOSTILE)
    assert "has no call with the id" in history_page(searched)
    assert is_safe(history_page(searched))


@pytest.mark.parametrize("title", STATES)
def test_history_that_has_no_answer(history_page, title):
    text = history_page(history.HistoryView(SPAN, Selection(), notice=STATES[title]))
    assert title in text
    assert ('http-equiv="refresh"' in text) == (title == "Adding up")
    assert "history.csv" not in text


# ---------------------------------------------------------------- one call


RECORD = {
    "request": {"ingress_payload": {"a": HOSTILE}, "outbound_payload": {"a": HOSTILE, "added": True}},
    "response": {"inbound_payload": "x", "egress_payload": "x"},
}


@pytest.fixture
def call_page(drawn, reader):
    def draw(shown, found=None, **who):
        given = history.call_values(found or CallDetail(CALL, (ATTEMPT,)), shown)
        return drawn("history_call.html", reader("/history/x", **who), span=SPAN, notice=None, **given)

    return draw


def test_a_call_with_its_record(call_page):
    text = call_page(history.CallPayloads(RECORD, "From the record log."))
    assert is_safe(text)
    assert 'class="line changed"' in text
    assert "From the record log." in text
    assert "Attempt 1:" in text
    assert "3.5" in text


def test_a_call_whose_payloads_may_not_be_seen(call_page):
    text = call_page(history.CallPayloads({"request": {"gl_path": "/a/"}}, is_hidden=True))
    assert "Payloads are hidden" in text
    assert "From the client" not in text


def test_a_call_whose_record_is_gone(call_page):
    text = call_page(history.CallPayloads({}, "The record log does not have this record any more."))
    assert "does not have this record any more" in text
    assert "Payloads are hidden" not in text


def test_a_failed_call_without_a_price(call_page):
    call = replace(CALL, status=429, error_class="provider_rate_limit", cost_pico=None)
    viewer = call_page(history.CallPayloads({}), CallDetail(call, ()))
    assert "the provider answered 429" in viewer
    assert "No request went to an upstream." in viewer
    assert "Set a price" not in viewer
    assert "Set a price" in call_page(history.CallPayloads({}), CallDetail(call, ()), role=Role.EDITOR)


@pytest.mark.parametrize("title", STATES)
def test_a_call_that_has_no_answer(drawn, reader, title):
    text = drawn("history_call.html", reader("/history/x"), span=SPAN, found=None, notice=STATES[title])
    assert title in text


def test_stored_payloads_are_a_record():
    found = CallDetail(CALL, (), b'{"a": 1}', b"no json")
    assert history.stored_record(found) == {
        "request": {"ingress_payload": {"a": 1}},
        "response": {"egress_payload": "no json"},
    }
    assert history.stored_record(CallDetail(CALL, ())) == {}


# ---------------------------------------------------------------- usage and cost


@pytest.fixture
def usage_page(drawn, reader):
    def draw(view, **who):
        given = {"fields": usage.FIELDS, "groupings": By, "measures": Measure}
        return drawn("usage.html", reader("/usage", **who), view=view, **given)

    return draw


WEEK = span_of({"range": "7d"}, NOW, "7d", "Europe/Stockholm", whole_days=True)
USAGE = UsageAnswer(
    SUMS,
    Totals(),
    tuple(Day(f"2026-11-{day}", "", day, 10 * day, day * 10**12, 0) for day in range(23, 30)),
    (Group(HOSTILE, SUMS, HOSTILE), Group("", SUMS), Group("", SUMS, is_rest=True)),
    (UnpricedModel(HOSTILE, HOSTILE, 3, 100),),
)


@pytest.mark.parametrize("by", By)
@pytest.mark.parametrize("measure", Measure)
def test_usage_by_everything(usage_page, by, measure):
    text = usage_page(usage.view_of(UsageAsked(WEEK, Selection(), by, measure), USAGE))
    assert is_safe(text)
    assert f"{measure.value.capitalize()} by day" in text
    assert "$412.80" in text
    assert ('class="donut"' in text) == (by is not By.DAY)
    assert ("2026-11-29</a>" in text) == (by is By.DAY)
    assert f"usage.csv?range=7d&amp;by={by.value}&amp;measure={measure.value}" in text


def test_models_without_a_price_have_a_link_for_editors(usage_page):
    shown = usage.view_of(UsageAsked(WEEK, Selection(), By.MODEL, Measure.COST), USAGE)
    assert "Models without a price" in usage_page(shown)
    assert "/config/prices/form" not in usage_page(shown)
    assert "/config/prices/form" in usage_page(shown, role=Role.EDITOR)


def test_usage_without_calls(usage_page):
    empty = UsageAnswer(Totals(), Totals(), (), (), ())
    assert "curl -s" in usage_page(usage.view_of(UsageAsked(WEEK, Selection(), By.DAY, Measure.COST), empty))


@pytest.mark.parametrize("title", STATES)
def test_usage_that_has_no_answer(usage_page, title):
    text = usage_page(usage.UsageView(UsageAsked(WEEK, Selection(), By.DAY, Measure.COST), notice=STATES[title]))
    assert title in text
    assert "usage.csv" not in text


# ---------------------------------------------------------------- client keys


def test_what_clients_see_when_a_limit_is_reached(drawn, reader):
    key = {"id": "k1", "name": HOSTILE, "owner": "o", "state": "active", "created": NOW, "expires": None}
    uses = (
        Use("usd", "month", 41 * 10**9, 40 * 10**9, resets=NOW, is_budget=True),
        Use("calls", "minute", 60, 60),
    )
    text = drawn(
        "key.html", reader("/keys/k1"), key=key, used=Spender("key", "k1", HOSTILE, uses), owner_used=None,
        values={"name": HOSTILE}, revision=1, owners=[], problems={}, secret=None, graces={}, previous_expires=0.0,
    )  # fmt: skip
    assert is_safe(text)
    assert "budget_exceeded" in text
    assert "rate_limit_exceeded" in text
    assert "102 %" in text


def test_keys_with_their_budgets(drawn, reader):
    budget = Use("usd", "day", 5 * 10**9, 20 * 10**9, resets=NOW, is_budget=True)
    row = {"id": "k1", "name": "ci", "owner": HOSTILE, "state": "active", "created": NOW, "expires": None, "limits": ()}
    owner = Spender("owner", HOSTILE, HOSTILE, (budget,))
    text = drawn(
        "keys.html", reader("/keys"), rows=[row], used={("key", "k1"): Spender("key", "k1", "ci", (budget,))},
        owner_uses=[owner], invalid={}, owners=[], total=1, text="", problems={}, values={}, secret=None,
    )  # fmt: skip
    assert "$5.00 of $20.00" in text
    assert "Owners with limits" in text
    assert is_safe(text)
