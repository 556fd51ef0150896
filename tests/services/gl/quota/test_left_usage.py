"""Usage on disk of workers that there are no longer."""

import os

import pytest

from gecholog.quota.holds import NOTHING, Held
from gecholog.quota.limits import Budget, Limits
from gecholog.quota.period import Period
from gecholog.quota.subject import Subject
from services.gl.quota.enforcer import QuotaEnforcer
from services.gl.quota.mirror import QuotaMirror

NOW = 1_796_000_000_000
BUDGET = Budget(1000, Period.MONTH, is_tokens=True)
SUBJECTS = (Subject("key.a", Limits(budget=BUDGET)),)


def opened(folder, left=()):
    enforcer, mirror = QuotaEnforcer(lambda: NOW), QuotaMirror(folder, lambda: [one for one in left if one.is_dir()])
    mirror.load(enforcer.table, NOW)
    enforcer.save = mirror.save
    return enforcer, mirror


def spend(enforcer, tokens):
    accounts = enforcer.table.accounts(SUBJECTS)
    assert enforcer.admit(accounts) is None
    enforcer.settle(accounts, NOTHING, Held(0, tokens))
    enforcer.end(accounts)


def spent(enforcer):
    return enforcer.table.spent("key.a", BUDGET, NOW)


@pytest.mark.parametrize("is_orderly", [True, False], ids=["stopped", "killed"])
def test_it_counts_once(tmp_path, is_orderly):
    """It is taken over with what its logs say, under the name of its replica, and its folder is removed."""
    other, others = opened(tmp_path / "worker-1")
    spend(other, 7)
    if is_orderly:
        others.close(other.table, NOW)
    else:
        os.close(others._lock)
    for _ in range(2):
        enforcer, mirror = opened(tmp_path, [tmp_path / "worker-1"])
        assert spent(enforcer) == 7
        assert list(enforcer.table.meter("key.a", BUDGET.window).replicas) == [others.replica]
        assert not (tmp_path / "worker-1").exists()
        mirror.close(enforcer.table, NOW)


def test_what_it_knew_of_us_does_not_count_again(tmp_path):
    """A worker's file has the usage of the other workers as well."""
    enforcer, mirror = opened(tmp_path)
    spend(enforcer, 5)
    other, others = opened(tmp_path / "worker-1")
    for part, replica, usage in enforcer.table.usages(NOW):
        other.table.restore(part, replica or mirror.replica, usage)
    spend(other, 7)
    assert spent(other) == 12
    for one, its in ((enforcer, mirror), (other, others)):
        its.close(one.table, NOW)
    again, _ = opened(tmp_path, [tmp_path / "worker-1"])
    assert spent(again) == 12


def test_a_worker_that_lives_keeps_its_own(tmp_path):
    """Its folder is locked."""
    other, _ = opened(tmp_path / "worker-1")
    spend(other, 7)
    enforcer, _ = opened(tmp_path, [tmp_path / "worker-1"])
    assert spent(enforcer) == 0
    assert (tmp_path / "worker-1").is_dir()
