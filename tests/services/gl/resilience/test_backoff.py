"""How long a retry waits."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.resilience.backoff import FIRST_S, MOST_S, delay, pause

jitters = st.floats(0, 1)


@given(st.integers(0, 10_000), jitters)
def test_delay_grows_to_a_limit(retry, jitter):
    """Twice as long each time at most, never above the limit, with full jitter."""
    assert 0 <= delay(retry, jitter) <= min(MOST_S, FIRST_S * 2.0 ** min(retry, 50))
    assert delay(retry, 1.0) <= delay(retry + 1, 1.0)
    assert delay(retry, 0.0) == 0


@given(st.integers(0, 20), jitters, st.floats(0, 1e6), st.floats(0, 1e6))
def test_pause(retry, jitter, asked, most):
    """What the target asks for is the least; if it asks for too much, there is no retry."""
    found = pause(retry, jitter, asked, most)
    if asked > most:
        assert found is None
    else:
        assert found == max(asked, delay(retry, jitter))
    assert pause(retry, jitter, None, most) == delay(retry, jitter)
