"""Quotas and budgets of several subjects, in one replica and in several."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.quota.holds import LEASE_MS, NOTHING, Held
from gecholog.quota.limits import Budget, Limits, Quotas
from gecholog.quota.part import part_of, parts_of
from gecholog.quota.period import Period
from gecholog.quota.subject import HELD, MINUTE, Quota, Subject
from gecholog.quota.usage_table import Counted, UsageTable

NOW = 1_796_000_000_000  # a day in November 2026
DAY_MS = 86_400_000
USD = 10**9


def key(name="key.a", budget=None, **quotas):
    return Subject(name, Limits(Quotas(**quotas), budget))


def opened(*subjects):
    """A table, and the accounts of subjects in it."""
    table = UsageTable()
    return table, table.accounts(subjects)


def finish(accounts, reserved, used, now=NOW):
    """Settle a call, and end it."""
    accounts.end()
    return accounts.settle(reserved, used, now)


def exchange(source, target, replica, now=NOW):
    """Send all that a replica has published to another one."""
    source.mark_all_changed()
    for part in sorted(source.changes.parts):
        target.merge(part, replica, source.own(part, now), now)
    source.changes.parts.clear()


def test_requests_per_minute():
    """Two of two requests pass, the third does not for a minute."""
    _table, accounts = opened(key(rpm=2))
    assert [accounts.admit(NOW + second * 1000) for second in (0, 10)] == [None, None]
    exceeded = accounts.admit(NOW + 20_000)
    assert (exceeded.quota, exceeded.limit) == (Quota.RPM, 2)
    assert exceeded.free_at == NOW + 60_000
    assert accounts.admit(NOW + 59_999) is not None
    assert accounts.admit(NOW + 60_000) is None


def test_requests_per_day():
    _table, accounts = opened(key(rpd=1))
    assert accounts.admit(NOW) is None
    exceeded = accounts.admit(NOW + 1)
    assert exceeded.quota is Quota.RPD
    assert exceeded.free_at == (NOW // DAY_MS + 1) * DAY_MS
    assert accounts.admit(exceeded.free_at) is None


@pytest.mark.parametrize("period", [Period.HOUR, Period.DAY, Period.MONTH])
@pytest.mark.parametrize("jump", [3, 26, 960, -26, -960])
def test_a_clock_that_jumps_and_is_set_back(period, jump):
    """What was used before counts again, in this replica, after a restart, and in the others."""
    subject, hours = key(budget=Budget(100, period, is_tokens=True)), 3_600_000
    table, accounts = opened(subject)
    finish(accounts, NOTHING, Held(0, 60))
    finish(accounts, NOTHING, Held(0, 60), NOW + jump * hours)
    other, restarted = UsageTable(), UsageTable()
    for part, replica, usage in table.usages(NOW + jump * hours):
        restarted.restore(part, replica, usage)
    exchange(table, other, "r1", NOW + jump * hours)
    for one in (table, restarted, other):
        assert one.accounts((subject,)).reserve(Held(0, 60), NOW + 1000) is not None


@pytest.mark.parametrize("time_zone", ["UTC", "Europe/Stockholm"])
def test_requests_per_day_beside_a_daily_budget(time_zone):
    """A request counts once, although both limits may be of the same day."""
    budget = Budget(1_000_000, Period.DAY, time_zone, is_tokens=True)
    table, accounts = opened(key(rpd=10, budget=budget))
    for _ in range(10):
        assert accounts.admit(NOW) is None
        assert accounts.reserve(Held(0, 5), NOW) is None
        finish(accounts, Held(0, 5), Held(0, 3, 2))
    assert accounts.admit(NOW).quota is Quota.RPD
    assert table.meter("key.a", budget.window).used(NOW) == {"requests": 10, "tokens": 30, "nano_usd": 20}


def test_concurrency():
    """A call that has ended makes room for another one."""
    _table, accounts = opened(key(concurrency=1))
    assert accounts.admit(NOW) is None
    assert accounts.admit(NOW).quota is Quota.CONCURRENCY
    finish(accounts, NOTHING, NOTHING)
    assert accounts.admit(NOW) is None


def test_a_refused_request_counts_nowhere():
    """The owner has room, the key has not: neither counts the request."""
    table, accounts = opened(key("owner.o", rpm=9), key(rpm=1))
    assert accounts.admit(NOW) is None
    assert accounts.admit(NOW).subject.name == "key.a"
    assert table.meter("owner.o", MINUTE).used(NOW) == {"requests": 1}
    assert table.held("owner.o", NOW).calls == 1


def test_tokens_per_minute():
    """What is reserved counts until the call is settled, then what it has used."""
    _table, accounts = opened(key(tpm=100))
    for _ in range(2):
        accounts.admit(NOW)
    assert accounts.reserve(Held(0, 60), NOW) is None
    assert accounts.reserve(Held(0, 60), NOW).quota is Quota.TPM
    finish(accounts, Held(0, 60), Held(0, 40))
    assert accounts.reserve(Held(0, 60), NOW) is None
    assert accounts.reserve(Held(0, 1), NOW).free_at == NOW + 60_000


def test_a_request_that_is_larger_than_the_quota_never_passes():
    _, accounts = opened(key(tpm=100))
    assert accounts.reserve(Held(0, 101), NOW).free_at is None


@pytest.mark.parametrize(("is_tokens", "wanted"), [(True, Held(0, 6, 99)), (False, Held(0, 99, 6))])
def test_budget(is_tokens, wanted):
    """A budget of ten: a second call that may use six does not fit."""
    _table, accounts = opened(key(budget=Budget(10, Period.DAY, is_tokens=is_tokens)))
    for _ in range(2):
        accounts.admit(NOW)
    assert accounts.reserve(wanted, NOW) is None
    exceeded = accounts.reserve(wanted, NOW)
    assert (exceeded.quota, exceeded.free_at) == (Quota.BUDGET, (NOW // DAY_MS + 1) * DAY_MS)
    finish(accounts, wanted, Held(0, 4, 4))
    assert accounts.reserve(wanted, NOW) is None
    finish(accounts, wanted, Held(0, 6, 6))
    assert accounts.reserve(Held(0, 1, 1), NOW) is not None
    assert accounts.reserve(Held(0, 1, 1), exceeded.free_at) is None


def test_a_budget_in_total_is_never_free_again():
    _, accounts = opened(key(budget=Budget(1, Period.TOTAL)))
    assert accounts.reserve(Held(0, 0, 2), NOW).free_at is None


def test_marks():
    """At 80 and at 100 percent, once each; a call that passes both reports the higher one."""
    budget = Budget(100, Period.MONTH, is_tokens=True)
    _table, accounts = opened(key(budget=budget))

    def spend(tokens):
        accounts.admit(NOW)
        return [(mark.percent, mark.used) for mark in finish(accounts, NOTHING, Held(0, tokens))]

    assert [spend(tokens) for tokens in (79, 1, 1, 18, 1, 50)] == [[], [(80, 80)], [], [], [(100, 100)], []]
    _, others = opened(key(budget=budget))
    others.admit(NOW)
    assert [mark.percent for mark in finish(others, NOTHING, Held(0, 200))] == [100]


def test_another_replica_does_not_report_a_mark_again():
    budget = Budget(100, Period.MONTH, is_tokens=True)
    (one, ours), (other, theirs) = opened(key(budget=budget)), opened(key(budget=budget))
    for accounts in (ours, theirs):
        accounts.admit(NOW)
    assert finish(ours, NOTHING, Held(0, 85))
    exchange(one, other, "one")
    assert finish(theirs, NOTHING, Held(0, 5)) == []
    assert other.spent("key.a", budget, NOW) == 90


def test_a_dead_replica_holds_nothing_for_longer_than_its_lease():
    (dead, lost), (other, accounts) = opened(key(concurrency=1)), opened(key(concurrency=1))
    lost.admit(NOW)
    exchange(dead, other, "dead")
    assert accounts.admit(NOW + LEASE_MS - 1) is not None
    assert accounts.admit(NOW + LEASE_MS) is None
    assert other.expire(NOW + LEASE_MS) == [(part_of(HELD, "key.a"), "dead")]


def test_a_lease_is_renewed_while_calls_are_in_flight():
    table, accounts = opened(key(concurrency=1))
    accounts.admit(NOW)
    part = part_of(HELD, "key.a")
    assert table.own(part, NOW).until == NOW + LEASE_MS
    table.changes.parts.clear()
    table.renew(NOW + 9_999)
    assert table.changes.parts == set()
    table.renew(NOW + 10_000)
    assert table.changes.parts == {part}


def test_usage_on_disk_counts_again():
    """What was counted before a restart counts, unless its time is over."""
    budget = Budget(10, Period.DAY, is_tokens=True)
    table, accounts = opened(key(rpm=9, tpm=99, budget=budget))
    (account,) = accounts.each
    for name, window, fields in account.counted:
        table.count_again(Counted(name, window, {field: 7 if field == "tokens" else 1 for field in fields}), NOW)
    assert table.spent("key.a", budget, NOW + 1000) == 7
    assert table.meter("key.a", MINUTE).used(NOW + 59_000) == {"requests": 1, "tokens": 7}
    assert table.spent("key.a", budget, NOW + DAY_MS) == 0


def test_unknown_window():
    with pytest.raises(ValueError, match="is not a valid Period"):
        UsageTable().count_again(Counted("key.a", "year", {}), NOW)


TOKENS = st.integers(0, 50)
CALLS = st.lists(st.tuples(st.integers(0, 2), TOKENS, TOKENS), max_size=30)


@given(CALLS, st.permutations(range(3)))
def test_replicas_converge_in_any_order(calls, order):
    """Whoever counted, and in whatever order the counts arrive: all replicas know the same sums."""
    budget = Budget(1_000_000, Period.MONTH, is_tokens=True)
    subjects = (key(rpm=1000, budget=budget), key("gateway", tpm=10**6))
    opened_ones = [opened(*subjects) for _ in range(3)]
    replicas = [table for table, _ in opened_ones]
    for replica, wanted, used in calls:
        _, accounts = opened_ones[replica]
        assert accounts.admit(NOW) is None
        accounts.reserve(Held(0, wanted, wanted), NOW)
        finish(accounts, Held(0, wanted, wanted), Held(0, used, used))
    for source in order:
        for target in reversed(order):
            if source != target:
                exchange(replicas[source], replicas[target], str(source))
                exchange(replicas[source], replicas[target], str(source))  # a repetition changes nothing
    expected = sum(used for *_, used in calls)
    for table in replicas:
        assert table.spent("key.a", budget, NOW) == expected
        assert table.meter("key.a", MINUTE).used(NOW).get("requests", 0) == len(calls)
        assert table.held("key.a", NOW) == NOTHING


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(0, 40)), max_size=60), st.integers(1, 100))
def test_a_budget_is_exceeded_by_what_calls_use_above_their_reservation_only(steps, amount):
    """Calls begin and end in any order. Nothing is ever negative, and all that is held is given back at the end."""
    subjects = (key(budget=Budget(amount, Period.MONTH, is_tokens=True)), key("router./v1/", concurrency=5))
    budget = subjects[0].limits.budget
    table, accounts = opened(*subjects)
    flying, above = [], 0
    for begins, wanted, used in steps:
        if begins:
            if accounts.admit(NOW) is not None:
                assert len(flying) == 5
                continue
            if accounts.reserve(Held(0, wanted), NOW) is None:
                flying.append(Held(0, wanted))
            else:
                finish(accounts, NOTHING, NOTHING)
        elif flying:
            reserved = flying.pop(0)
            above += max(0, used - reserved.tokens)
            finish(accounts, reserved, Held(0, used))
        held = table.held("key.a", NOW)
        assert held == Held(len(flying), sum(one.tokens for one in flying))
        assert table.spent("key.a", budget, NOW) <= amount + above
    for reserved in flying:
        finish(accounts, reserved, NOTHING)
    assert table.held("key.a", NOW) == NOTHING


@given(st.text(max_size=20), st.text(max_size=20))
def test_parts(window, name):
    """Any names become one part of a key each, and are found in it again."""
    part = part_of(window, name)
    assert parts_of(part) == (window, name)
    assert part.count(".") == 1
    assert all(character.isascii() and (character.isalnum() or character in "=/_-.") for character in part)


@pytest.mark.parametrize("part", ["", "minute", "a.b.c", "minute.=zz", "minute.=ff"])
def test_not_a_part(part):
    with pytest.raises(ValueError):  # noqa: PT011 - of several functions
        parts_of(part)


def test_days_are_those_of_the_budget_s_time_zone():
    """Half past one in the morning in Stockholm is still yesterday in UTC."""
    half_past_one = (NOW // DAY_MS) * DAY_MS - 1_800_000
    budget = Budget(10, Period.DAY, "+02:00", is_tokens=True)
    table, accounts = opened(key(budget=budget))
    accounts.admit(half_past_one)
    finish(accounts, NOTHING, Held(0, 3), half_past_one)
    assert table.spent("key.a", budget, half_past_one + 3_600_000) == 3
