from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.ledger.filters import TimeRange
from gecholog.ledger.rows import HOUR_US
from gecholog.ledger.steps import MOST, of_days, of_length

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"])


@given(ZONES, st.integers(0, 365 * 60), st.integers(1, 900))
def test_days_begin_at_local_midnight_and_cover_the_range(zone, first_day, days):
    start = datetime(1970, 1, 2, 3, tzinfo=UTC) + timedelta(days=first_day)
    asked = TimeRange.of(start, start + timedelta(days=days))
    found = of_days(asked, ZoneInfo(zone))
    boundaries = [at for _, at in found]
    assert boundaries[0] <= asked.start_us
    assert asked.end_us <= boundaries[-1]
    assert all(22 * HOUR_US <= end - start <= 26 * HOUR_US for start, end in pairwise(boundaries))
    for day, at in found:
        assert datetime.fromtimestamp(at / 10**6, ZoneInfo(zone)).date() == day


def test_a_range_has_a_step_even_if_it_is_empty():
    assert of_length(TimeRange(5_000_000, 5_000_000), 10) == [0, 10_000_000]


@pytest.mark.parametrize("seconds", [0, -1])
def test_steps_have_a_length(seconds):
    with pytest.raises(ValueError, match="at least one second"):
        of_length(TimeRange(0, 1), seconds)


def test_too_many_steps():
    with pytest.raises(ValueError, match=f"more than {MOST}"):
        of_length(TimeRange(0, 10**12), 1)
    with pytest.raises(ValueError, match=f"more than {MOST}"):
        of_days(TimeRange(0, 10**15), ZoneInfo("UTC"))
