"""Whether and when the same target is called again."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.resilience import backoff
from services.gl.resilience.retry import pause
from services.gl.resilience.rules import ResilienceRules

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110, section 5.6.7
DATE = "Sun, 06 Nov 1994 08:49:47 GMT"


@given(st.integers(0, 5), st.integers(0, 10), st.floats(0, 1))
def test_number_of_retries(most, retry, jitter):
    """As many as the router says, each after a back-off with full jitter."""
    found = pause(ResilienceRules(retries=most), retry, jitter, None, NOW)
    assert found == (backoff.delay(retry, jitter) if retry < most else None)


@given(st.integers(0, 100), st.floats(0, 1))
def test_retry_after(asked, jitter):
    """The target's own wish is the least, up to retry_after_max; for longer there is no retry."""
    rules = ResilienceRules(retries=1, retry_after_max=30.0)
    found = pause(rules, 0, jitter, str(asked), NOW)
    assert found == (max(asked, backoff.delay(0, jitter)) if asked <= 30 else None)


def test_retry_after_as_a_date():
    """A date counts from now; one that is unreadable counts as none."""
    rules = ResilienceRules(retries=1)
    assert pause(rules, 0, 0.0, DATE, NOW) == 10.0
    assert pause(rules, 0, 0.0, "soon", NOW) == 0.0
