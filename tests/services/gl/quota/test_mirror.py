"""Usage on disk."""

import asyncio
import json
import os

import pytest

from gecholog.quota.holds import NOTHING, Held
from gecholog.quota.ledger import Ledger
from gecholog.quota.limits import Budget, Limits, Quotas
from gecholog.quota.period import Period
from gecholog.quota.subject import Subject
from services.gl.quota.book import QuotaBook
from services.gl.quota.mirror import QuotaMirror
from tests.support.waiting import eventually

NOW = 1_796_000_000_000
BUDGET = Budget(1000, Period.MONTH, is_tokens=True)
SUBJECTS = (Subject("key.a", Limits(Quotas(rpd=9), BUDGET)),)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "quotas" / "gl"


def opened(folder):
    """A book and its mirror, as after a start."""
    book, mirror = QuotaBook(lambda: NOW), QuotaMirror(folder)
    mirror.load(book.ledger, NOW)
    book.save = mirror.save
    return book, mirror


def spend(book, tokens, subjects=SUBJECTS):
    accounts = book.ledger.accounts(subjects)
    assert book.admit(accounts) is None
    book.settle(accounts, NOTHING, Held(0, tokens))
    book.end(accounts)


def spent(book):
    return book.ledger.spent("key.a", BUDGET, NOW)


def die(mirror):
    """Release the lock as the death of the process does, without another word."""
    os.close(mirror._lock)


def test_a_crash_loses_nothing(folder):
    """What was settled is there after a crash, again and again."""
    total, replicas = 0, set()
    for tokens in (5, 7, 11):
        book, mirror = opened(folder)
        assert spent(book) == total
        spend(book, tokens)
        total += tokens
        replicas.add(mirror.replica)
        die(mirror)
    book, mirror = opened(folder)
    assert spent(book) == 23
    assert book.ledger.meter("key.a", "day").used(NOW) == {"requests": 3}
    assert len(replicas) == 1
    mirror.close(book.ledger, NOW)


def test_requests_of_a_daily_budget_are_replayed_once(folder):
    """The quota of requests a day counts in the same window."""
    subjects = (Subject("key.a", Limits(Quotas(rpd=9), Budget(1000, Period.DAY, is_tokens=True))),)
    for calls in range(3):
        book, mirror = opened(folder)
        used = book.ledger.meter("key.a", "day").used(NOW)
        assert (used.get("requests", 0), used.get("tokens", 0)) == (calls, 5 * calls)
        spend(book, 5, subjects)
        die(mirror)


def test_an_orderly_end(folder):
    book, mirror = opened(folder)
    spend(book, 5)
    mirror.close(book.ledger, NOW)
    book, mirror = opened(folder)
    assert spent(book) == 5
    mirror.close(book.ledger, NOW)


def test_a_late_state_does_not_replace_the_last_one(folder):
    """A thread may come to write its state only after the end."""
    book, mirror = opened(folder)
    spend(book, 5)
    late = mirror._begin(book.ledger, NOW)
    spend(book, 7)
    mirror.close(book.ledger, NOW)
    mirror._write_state(late)
    book, mirror = opened(folder)
    assert spent(book) == 12
    mirror.close(book.ledger, NOW)


def test_usage_of_other_replicas(folder):
    """It is kept as well, for a start while the bus is away."""
    book, mirror = opened(folder)
    other = Ledger()
    accounts = other.accounts(SUBJECTS)
    accounts.admit(NOW)
    accounts.settle(NOTHING, Held(0, 40), NOW)
    for part in other.take_changed(NOW):
        book.ledger.merge(part, "other", other.own(part, NOW), NOW)
    mirror.close(book.ledger, NOW)
    book, mirror = opened(folder)
    assert spent(book) == 40
    mirror.close(book.ledger, NOW)


def test_a_crash_between_a_state_and_the_removal_of_its_logs(folder):
    """A log that is in the state does not count twice."""
    book, mirror = opened(folder)
    spend(book, 5)
    (log,) = [file for file in folder.iterdir() if file.suffix == ".jsonl"]
    lines = log.read_bytes()
    mirror.close(book.ledger, NOW)
    log.write_bytes(lines)
    book, mirror = opened(folder)
    assert spent(book) == 5
    mirror.close(book.ledger, NOW)


@pytest.mark.parametrize("torn", [b'[1796000000000,5,0,[["key.a","mon', b"\0\0\0\0", b'{"no":"line"}'])
def test_an_incomplete_line(folder, torn):
    """A power failure may cut a line off. The others count."""
    book, mirror = opened(folder)
    spend(book, 5)
    die(mirror)
    (log,) = [file for file in folder.iterdir() if file.suffix == ".jsonl"]
    log.write_bytes(log.read_bytes().rstrip(b"\0") + torn)
    book, mirror = opened(folder)
    assert spent(book) == 5
    mirror.close(book.ledger, NOW)


def test_a_state_that_cannot_be_read(folder):
    """It is said, and counting begins anew."""
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{", "utf-8")
    book, mirror = opened(folder)
    assert spent(book) == 0
    mirror.close(book.ledger, NOW)
    assert json.loads((folder / "state.json").read_text("utf-8"))["replica"] == mirror.replica


def test_a_second_process_stores_nothing(folder):
    """Two gateways with one folder: the second one has a name of its own, and leaves the files alone."""
    book, mirror = opened(folder)
    other_book, other = opened(folder)
    assert other.replica != mirror.replica
    spend(other_book, 5)
    other.close(other_book.ledger, NOW)
    mirror.close(book.ledger, NOW)
    book, mirror = opened(folder)
    assert spent(book) == 0
    mirror.close(book.ledger, NOW)


async def test_large_logs_become_a_state(folder, monkeypatch):
    monkeypatch.setattr("services.gl.quota.mirror._LARGE_LOG", 10)
    book, mirror = opened(folder)
    running = asyncio.create_task(mirror.run(book.ledger, book.clock))
    spend(book, 5)
    await eventually(lambda: not (folder / "log-1.jsonl").exists(), "the first log to be removed")
    running.cancel()
    await asyncio.wait({running})
    die(mirror)
    book, mirror = opened(folder)
    assert spent(book) == 5
    mirror.close(book.ledger, NOW)
