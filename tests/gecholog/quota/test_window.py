"""When usage counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.quota.window import Window

TIMES = st.integers(0, 10**13)
PERIODS = st.integers(1, 10**10)


@given(TIMES, PERIODS, TIMES)
def test_fixed(when, period, began):
    """Usage counts from the beginning of its period to the end, and periods follow each other without a gap."""
    window = Window(period, began)
    assert window.enters(when) <= when < window.leaves(when)
    assert window.leaves(when) - window.enters(when) == period
    assert (window.enters(when) - began) % period == 0


@given(TIMES, PERIODS)
def test_sliding(when, period):
    """Usage counts for one period, and is stored by sixtieths of it."""
    window = Window(period, sliding=True)
    assert window.leaves(when) - when == period
    begins, ends = window.bucket_bounds(when)
    assert begins <= when < ends
    assert ends - begins <= max(1, period / 60)


@pytest.mark.parametrize("sliding", [True, False])
@given(when=TIMES, now=TIMES, period=PERIODS)
def test_kept(sliding, when, now, period):
    """Usage that counts now is kept. Expired usage, or usage from a clock that is far ahead, is not."""
    window = Window(period, 1000, sliding)
    counts = window.enters(when) <= now < window.leaves(when)
    assert window.keeps(when, now) or not counts
    assert not window.keeps(when, when + period)
    assert not window.keeps(now + period + 1, now)


def test_a_new_config():
    """The present period keeps its beginning. A sliding window has none, so a period begins with the config."""
    assert Window(10, 1000).changed(30, 1027, sliding=False) == Window(30, 1020)
    assert Window(10, sliding=True).changed(30, 1027, sliding=False) == Window(30, 1027)
    assert Window(10, 1000).beginning(1003).bucket_bounds(1004) == (1003, 1013)
