"""How long a retry waits."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.resilience.backoff import FIRST_S, MOST_S, delay, pause, retry_after

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
jitters = st.floats(0, 1)


@given(st.integers(0, 10_000), jitters)
def test_delay_grows_to_a_limit(retry, jitter):
    """Twice as long each time at most, never above the limit, with full jitter."""
    assert 0 <= delay(retry, jitter) <= min(MOST_S, FIRST_S * 2.0 ** min(retry, 50))
    assert delay(retry, 1.0) <= delay(retry + 1, 1.0)
    assert delay(retry, 0.0) == 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("0.25", 0.25),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon Nov 30 12:00:05 2026", 5.0),
        ("Mon, 99 Nov 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after(value, seconds):
    """A number of seconds or a date, as RFC 9110 has it."""
    assert retry_after(value, NOW) == seconds


@given(st.text(max_size=40))
def test_retry_after_takes_anything(value):
    """Whatever an upstream sends is a time that passes, or nothing."""
    found = retry_after(value, NOW)
    assert found is None or 0 <= found < float("inf")


@given(st.integers(0, 20), jitters, st.floats(0, 1e6), st.floats(0, 1e6))
def test_pause(retry, jitter, asked, most):
    """What the target asks for is the least; if it asks for too much, there is no retry."""
    found = pause(retry, jitter, asked, most)
    if asked > most:
        assert found is None
    else:
        assert found == max(asked, delay(retry, jitter))
    assert pause(retry, jitter, None, most) == delay(retry, jitter)
