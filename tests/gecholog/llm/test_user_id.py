"""Ids of users, shortened."""

from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.user_id import short_user_id


def test_short_ids_stay():
    """Only what is too long is replaced."""
    assert short_user_id("ann") == "ann"
    assert short_user_id("x" * 64) == "x" * 64


@given(st.text(min_size=65, max_size=300), st.text(min_size=65, max_size=300))
def test_long_ids(one, other):
    """Two users stay two, and one stays one."""
    assert len(short_user_id(one)) == 64
    assert (short_user_id(one) == short_user_id(other)) == (one == other)
