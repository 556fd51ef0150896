"""Usage on disk."""

import asyncio
import json
import os

import pytest

from gecholog.quota.holds import NOTHING, Held
from gecholog.quota.limits import Budget, Limits, Quotas
from gecholog.quota.period import Period
from gecholog.quota.subject import Subject
from gecholog.quota.usage_table import UsageTable
from services.gl.quota.enforcer import QuotaEnforcer
from services.gl.quota.mirror import QuotaMirror
from tests.support.waiting import eventually

NOW = 1_796_000_000_000
BUDGET = Budget(1000, Period.MONTH, is_tokens=True)
SUBJECTS = (Subject("key.a", Limits(Quotas(rpd=9), BUDGET)),)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "quotas" / "gl"


def opened(folder):
    """A enforcer and its mirror, as after a start."""
    enforcer, mirror = QuotaEnforcer(lambda: NOW), QuotaMirror(folder)
    mirror.load(enforcer.table, NOW)
    enforcer.save = mirror.save
    return enforcer, mirror


def spend(enforcer, tokens, subjects=SUBJECTS):
    accounts = enforcer.table.accounts(subjects)
    assert enforcer.admit(accounts) is None
    enforcer.settle(accounts, NOTHING, Held(0, tokens))
    enforcer.end(accounts)


def spent(enforcer):
    return enforcer.table.spent("key.a", BUDGET, NOW)


def die(mirror):
    """Release the lock as the death of the process does, without another word."""
    os.close(mirror._lock)


def test_a_crash_loses_nothing(folder):
    """What was settled is there after a crash, again and again."""
    total, replicas = 0, set()
    for tokens in (5, 7, 11):
        enforcer, mirror = opened(folder)
        assert spent(enforcer) == total
        spend(enforcer, tokens)
        total += tokens
        replicas.add(mirror.replica)
        die(mirror)
    enforcer, mirror = opened(folder)
    assert spent(enforcer) == 23
    assert enforcer.table.meter("key.a", "day").used(NOW) == {"requests": 3}
    assert len(replicas) == 1
    mirror.close(enforcer.table, NOW)


def test_requests_of_a_daily_budget_are_replayed_once(folder):
    """The quota of requests a day counts in the same window."""
    subjects = (Subject("key.a", Limits(Quotas(rpd=9), Budget(1000, Period.DAY, is_tokens=True))),)
    for calls in range(3):
        enforcer, mirror = opened(folder)
        used = enforcer.table.meter("key.a", "day").used(NOW)
        assert (used.get("requests", 0), used.get("tokens", 0)) == (calls, 5 * calls)
        spend(enforcer, 5, subjects)
        die(mirror)


def test_an_orderly_end(folder):
    enforcer, mirror = opened(folder)
    spend(enforcer, 5)
    mirror.close(enforcer.table, NOW)
    enforcer, mirror = opened(folder)
    assert spent(enforcer) == 5
    mirror.close(enforcer.table, NOW)


def test_a_late_state_does_not_replace_the_last_one(folder):
    """A thread may come to write its state only after the end."""
    enforcer, mirror = opened(folder)
    spend(enforcer, 5)
    late = mirror._begin(enforcer.table, NOW)
    spend(enforcer, 7)
    mirror.close(enforcer.table, NOW)
    mirror._write_state(late)
    enforcer, mirror = opened(folder)
    assert spent(enforcer) == 12
    mirror.close(enforcer.table, NOW)


def test_usage_of_other_replicas(folder):
    """It is kept as well, for a start while the bus is away."""
    enforcer, mirror = opened(folder)
    other = UsageTable()
    accounts = other.accounts(SUBJECTS)
    accounts.admit(NOW)
    accounts.settle(NOTHING, Held(0, 40), NOW)
    for part in other.take_changed(NOW):
        enforcer.table.merge(part, "other", other.own(part, NOW), NOW)
    mirror.close(enforcer.table, NOW)
    enforcer, mirror = opened(folder)
    assert spent(enforcer) == 40
    mirror.close(enforcer.table, NOW)


def test_a_crash_between_a_state_and_the_removal_of_its_logs(folder):
    """A log that is in the state does not count twice."""
    enforcer, mirror = opened(folder)
    spend(enforcer, 5)
    (log,) = [file for file in folder.iterdir() if file.suffix == ".jsonl"]
    lines = log.read_bytes()
    mirror.close(enforcer.table, NOW)
    log.write_bytes(lines)
    enforcer, mirror = opened(folder)
    assert spent(enforcer) == 5
    mirror.close(enforcer.table, NOW)


@pytest.mark.parametrize("torn", [b'[1796000000000,5,0,[["key.a","mon', b"\0\0\0\0", b'{"no":"line"}'])
def test_an_incomplete_line(folder, torn):
    """A power failure may cut a line off. The others count."""
    enforcer, mirror = opened(folder)
    spend(enforcer, 5)
    die(mirror)
    (log,) = [file for file in folder.iterdir() if file.suffix == ".jsonl"]
    log.write_bytes(log.read_bytes().rstrip(b"\0") + torn)
    enforcer, mirror = opened(folder)
    assert spent(enforcer) == 5
    mirror.close(enforcer.table, NOW)


def test_a_state_that_cannot_be_read(folder):
    """It is said, and counting begins anew."""
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{", "utf-8")
    enforcer, mirror = opened(folder)
    assert spent(enforcer) == 0
    mirror.close(enforcer.table, NOW)
    assert json.loads((folder / "state.json").read_text("utf-8"))["replica"] == mirror.replica


def test_a_second_process_stores_nothing(folder):
    """Two gateways with one folder: the second one has a name of its own, and leaves the files alone."""
    enforcer, mirror = opened(folder)
    other_book, other = opened(folder)
    assert other.replica != mirror.replica
    spend(other_book, 5)
    other.close(other_book.table, NOW)
    mirror.close(enforcer.table, NOW)
    enforcer, mirror = opened(folder)
    assert spent(enforcer) == 0
    mirror.close(enforcer.table, NOW)


async def test_large_logs_become_a_state(folder, monkeypatch):
    monkeypatch.setattr("services.gl.quota.mirror._LARGE_LOG", 10)
    enforcer, mirror = opened(folder)
    running = asyncio.create_task(mirror.run(enforcer.table, enforcer.clock))
    spend(enforcer, 5)
    await eventually(lambda: not (folder / "log-1.jsonl").exists(), "the first log to be removed")
    running.cancel()
    await asyncio.wait({running})
    die(mirror)
    enforcer, mirror = opened(folder)
    assert spent(enforcer) == 5
    mirror.close(enforcer.table, NOW)
