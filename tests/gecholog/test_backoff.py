"""Exponential back-off."""

from hypothesis import given
from hypothesis import strategies as st

from gecholog.backoff import exponential


def test_it_doubles_up_to_a_limit():
    assert [exponential(retry, 0.1, 2.0) for retry in range(7)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


@given(st.integers(0, 10**9), st.floats(0, 1e6), st.floats(0, 1e9))
def test_any_number_of_retries(retry, first_s, longest_s):
    """It never overflows, never exceeds the limit and never gets shorter."""
    pause = exponential(retry, first_s, longest_s)
    assert 0 <= pause <= longest_s
    assert pause <= exponential(retry + 1, first_s, longest_s)
