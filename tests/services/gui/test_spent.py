"""What keys and owners have used of their limits."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gecholog.key_store import Contents
from gecholog.keys import KeyEntry, OwnerEntry
from gecholog.quota.limits import Limits, Quotas, budget_of, budget_of_text
from gecholog.quota.part import part_of
from gecholog.quota.usage_table import UsageTable
from services.gui.spent import Use, add_count, spending_of

NOW = 1_796_000_000.0  # 2026-11-30
MS = int(NOW * 1000)
TOPIC = "coburn.gl.gecholog"


def counted(*entries):
    table = UsageTable()
    for window, name, replica, fields in entries:
        value = json.dumps({"uses": [[MS, fields]], "until": MS + 10**9}).encode()
        add_count(table, TOPIC, f"{TOPIC}.{part_of(window, name)}.{replica}", value, MS)
    return table


def contents():
    found = Contents()
    budget = budget_of({"usd": "20", "period": "month", "time_zone": "Europe/Stockholm"})
    found.keys["k1"] = KeyEntry("k1", b"", "ci", limits=Limits(Quotas(rpm=60, concurrency=2), budget))
    found.keys["k2"] = KeyEntry("k2", b"", "free")
    found.owners["team"] = OwnerEntry("team", limits=Limits(Quotas(), budget_of_text("1000 tokens/day")))
    return found


def test_the_counts_of_all_replicas_are_added():
    table = counted(
        ("month@Europe/Stockholm", "key.k1", "r1", {"nano_usd": 10**10}),
        ("month@Europe/Stockholm", "key.k1", "r2", {"nano_usd": 9 * 10**9}),
        ("month", "key.k1", "r1", {"nano_usd": 5}),  # of a budget that was changed since
        ("minute", "key.k1", "r1", {"requests": 61}),
        ("day", "owner.team", "r1", {"tokens": 850}),
    )
    found = spending_of(contents(), table, NOW)
    assert [(one.kind, one.id, one.state) for one in found.spenders] == [
        ("key", "k1", "reached"),
        ("owner", "team", "near"),
    ]
    budget, minute, together = found.by_id["key", "k1"].uses
    assert (budget.used, budget.limit, budget.percent, budget.state) == (19 * 10**9, 20 * 10**9, 95, "near")
    assert budget.resets == 1_796_079_600  # 2026-12-01T00:00+01:00
    assert (budget.shown, budget.exact, budget.per) == ("$19.00 of $20.00", "19 of 20 USD", "per month")
    assert (minute.used, minute.state, minute.per) == (61, "reached", "calls per minute")
    assert (together.used, together.per) == (0, "calls at a time")
    assert [one.id for one in found.warnings()] == ["k1", "team"]


def test_what_is_no_count_of_this_gateway_is_ignored():
    table = UsageTable()
    for key, value in (
        ("coburn.gl.other.month.key=2ek1.r1", b'{"uses": [[1, {"nano_usd": 1}]], "until": 9}'),
        (f"{TOPIC}.month.key=2ek1.r1", b"no json"),
        (f"{TOPIC}.decade.key=2ek1.r1", b'{"uses": [], "until": 9}'),
        (f"{TOPIC}.nothing", b'{"uses": [], "until": 9}'),
    ):
        add_count(table, TOPIC, key, value, MS)
    assert spending_of(contents(), table, NOW).by_id["key", "k1"].budget.used == 0


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_only_what_is_used_up_is_a_hundred_percent(used, limit):
    use = Use("tokens", "day", used, limit)
    assert (use.percent >= 100) == (use.state == "reached") == (used >= limit)
