"""Health of one target: opened, half-open, and requested delays."""

from hypothesis import given
from hypothesis import strategies as st

from processors.broker.health import BreakerPolicy, BreakerState, Failure, Health, after_failure, half_open

POLICY = BreakerPolicy(open_s=600, max_retry_after_s=3600, probe_timeout_s=60)
TIMES = st.floats(0, 10**9)


def out(until, reason="status 503"):
    return Health(BreakerState.OPEN, until, reason)


def test_goes_out():
    """A failure opens the circuit breaker for the configured time."""
    assert after_failure(None, Failure("status 503"), POLICY, 100) == out(700)


def test_asks_for_time():
    """A target that sends `Retry-After` is skipped until then, within a limit."""
    assert after_failure(None, Failure("status 429", 30), POLICY, 100) == out(130, "status 429")
    assert after_failure(None, Failure("status 429", 10**6), POLICY, 100).half_open_at == 3700
    assert after_failure(None, Failure("status 429", 0), POLICY, 100).may_probe(100)


def test_calls_under_way():
    """Calls sent before the breaker opened that fail later change nothing, unless they request a longer delay."""
    health = out(700)
    assert after_failure(health, Failure("no answer"), POLICY, 101) is health
    assert after_failure(health, Failure("status 429", 5), POLICY, 101) is health
    assert after_failure(health, Failure("status 429", 599.5), POLICY, 101) is health
    assert after_failure(health, Failure("status 429", 900), POLICY, 101) == out(1001)


def test_probe_fails():
    """A failed probe opens the breaker again, and so does a failure after its time was over."""
    probing = half_open(out(700), POLICY, 710)
    assert probing == Health(BreakerState.HALF_OPEN, 770, "status 503")
    assert after_failure(probing, Failure("status 500"), POLICY, 720) == out(1320, "status 500")
    assert after_failure(out(700), Failure("status 500"), POLICY, 720) == out(1320, "status 500")


def test_probe_never_reports():
    """In the end another call may probe."""
    probing = half_open(out(700), POLICY, 710)
    assert not probing.may_probe(769.9)
    assert probing.may_probe(770)


@given(TIMES, st.none() | st.floats(0, 10**9))
def test_not_for_ever(now, asked):
    """However long the requested delay, the breaker is half-open within the longest possible time."""
    health = after_failure(None, Failure("status 429", asked), POLICY, now)
    assert health.may_probe(now + POLICY.max_open_s)
