"""Health of one target: going out, being probed, asking for time."""

from hypothesis import given
from hypothesis import strategies as st

from processors.broker.health import Failure, Health, Limits, State, after_failure, probed

LIMITS = Limits(out=600, longest_retry_after=3600, probe=60)
TIMES = st.floats(0, 10**9)


def out(until, reason="status 503"):
    return Health(State.OUT, until, reason)


def test_goes_out():
    """A failure puts a target out for the disabled time."""
    assert after_failure(None, Failure("status 503"), LIMITS, 100) == out(700)


def test_asks_for_time():
    """A target that says when it wants to be called again is out until then, but not for too long."""
    assert after_failure(None, Failure("status 429", 30), LIMITS, 100) == out(130, "status 429")
    assert after_failure(None, Failure("status 429", 10**6), LIMITS, 100).until == 3700
    assert after_failure(None, Failure("status 429", 0), LIMITS, 100).is_due(100)


def test_calls_under_way():
    """Calls sent before a target went out that fail after it change nothing; a request for more time does."""
    health = out(700)
    assert after_failure(health, Failure("no answer"), LIMITS, 101) is health
    assert after_failure(health, Failure("status 429", 5), LIMITS, 101) is health
    assert after_failure(health, Failure("status 429", 599.5), LIMITS, 101) is health
    assert after_failure(health, Failure("status 429", 900), LIMITS, 101) == out(1001)


def test_probe_fails():
    """A probe that fails puts the target out again; so does a failure when its time was over."""
    probing = probed(out(700), LIMITS, 710)
    assert probing == Health(State.PROBING, 770, "status 503")
    assert after_failure(probing, Failure("status 500"), LIMITS, 720) == out(1320, "status 500")
    assert after_failure(out(700), Failure("status 500"), LIMITS, 720) == out(1320, "status 500")


def test_probe_never_reports():
    """In the end another call may probe."""
    probing = probed(out(700), LIMITS, 710)
    assert not probing.is_due(769.9)
    assert probing.is_due(770)


@given(TIMES, st.none() | st.floats(0, 10**9))
def test_not_for_ever(now, asked):
    """However long a target asks for, it is due again within the longest time that there is."""
    health = after_failure(None, Failure("status 429", asked), LIMITS, now)
    assert health.is_due(now + LIMITS.longest)
