import math

from hypothesis import given
from hypothesis import strategies as st

from gecholog.ledger.histogram import BOUNDS_US, SIZE, bucket_of, percentile_us


@given(st.integers(0, 10**10))
def test_a_bucket_holds_what_is_within_its_bounds(duration):
    bucket = bucket_of(duration)
    assert 0 <= bucket < SIZE
    assert bucket == 0 or BOUNDS_US[bucket - 1] < duration
    assert bucket == len(BOUNDS_US) or duration <= BOUNDS_US[bucket]


@given(st.lists(st.integers(1_001, 10**9), min_size=1, max_size=200), st.sampled_from([1, 50, 95, 99, 100]))
def test_a_percentile_is_off_by_a_bucket_at_most(durations, percent):
    counts = [0] * SIZE
    for duration in durations:
        counts[bucket_of(duration)] += 1
    true = sorted(durations)[max(0, math.ceil(len(durations) * percent / 100) - 1)]
    assert true / 1.34 <= percentile_us(counts, percent) <= true * 1.34


def test_no_calls_and_calls_above_all_bounds():
    assert percentile_us([0] * SIZE, 50) is None
    assert percentile_us([0] * (SIZE - 1) + [3], 50) == BOUNDS_US[-1]
