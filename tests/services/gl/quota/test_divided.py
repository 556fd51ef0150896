"""Limits divided among workers."""

from hypothesis import given
from hypothesis import strategies as st

from gecholog.quota.limits import Budget, Limits, Quotas
from gecholog.quota.period import Period
from gecholog.quota.subject import Subject
from gecholog.quota.usage_table import UsageTable
from services.gl.quota.call_limits import LimitsTable
from services.gl.quota.divided import WHOLE, Part


@given(st.integers(0, 10**18), st.integers(1, 64))
def test_the_parts_add_up(total, count):
    """No more is used than there is, and nothing is left over."""
    assert sum(Part(index, count).of(total) for index in range(count)) == total


def test_all_limits_are_divided():
    """What an answer may be by default is no limit, and stays as it is."""
    limits = Limits(Quotas(rpm=3, tpm=100, rpd=1, concurrency=None, default_output_tokens=9), Budget(7, Period.DAY))
    subjects = [Part(index, 2).of_subject(Subject("key.a", limits)) for index in range(2)]
    assert [one.limits.quotas for one in subjects] == [
        Quotas(rpm=2, tpm=50, rpd=1, default_output_tokens=9),
        Quotas(rpm=1, tpm=50, rpd=0, default_output_tokens=9),
    ]
    assert [one.limits.budget.amount for one in subjects] == [4, 3]
    assert WHOLE.of_subject(Subject("key.a", limits)) == Subject("key.a", limits)


def test_calls_have_their_part_at_once():
    """Limits that were prepared before are prepared again; what was counted stays counted."""
    table = UsageTable()
    table, subjects = LimitsTable(table), (Subject("router./a/", Limits(Quotas(rpm=4))),)
    assert table.of(subjects, None, None).accounts.admit(1000) is None
    assert table.divide(Part(1, 4))
    assert not table.divide(Part(1, 4))
    assert table.of(subjects, None, None).accounts.admit(1000).limit == 1
    assert table.divide(WHOLE)
    assert table.of(subjects, None, None).accounts.admit(1000) is None
