"""The circuit breaker: what opens it, what closes it."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from services.gl.resilience.breaker import (
    Breaker,
    BreakerRules,
    State,
    admits,
    began,
    failed,
    given_up,
    state,
    succeeded,
)

RULES = BreakerRules(failures=3, ratio=0.5, volume=6, window=10.0, open=5.0)


def after(*outcomes, rules=RULES, step=0.1):
    """A breaker after these outcomes (True is a success), one every `step` seconds from 0."""
    breaker = Breaker()
    for number, outcome in enumerate(outcomes):
        breaker = (succeeded if outcome else failed)(breaker, rules, number * step, number * step)
    return breaker


def test_opens_after_failures_in_a_row():
    """Not after fewer, and a success begins the row again."""
    assert state(after(False, False), 0.2) is State.CLOSED
    assert state(after(False, False, True, False, False), 0.5) is State.CLOSED
    assert state(after(False, False, False), 0.3) is State.OPEN


def test_opens_by_the_ratio():
    """More than half of at least six calls."""
    rules = BreakerRules(failures=99, ratio=0.5, volume=6, window=10.0, open=5.0)
    half = [True, False] * 10
    assert state(after(*half, rules=rules), 2.0) is State.CLOSED
    assert state(after(*half, False, rules=rules), 2.1) is State.OPEN
    assert state(after(False, False, False, False, False, rules=rules), 0.5) is State.CLOSED
    assert state(after(*[False] * 6, rules=rules), 0.6) is State.OPEN


def test_old_calls_do_not_count():
    """Failures that are longer ago than the window are forgotten."""
    rules = BreakerRules(failures=99, ratio=0.5, volume=4, window=10.0, open=5.0)
    breaker = after(False, False, False, rules=rules)
    assert state(failed(breaker, rules, 20.0, 20.0), 20.0) is State.CLOSED
    assert state(failed(breaker, rules, 4.0, 4.0), 4.0) is State.OPEN


def test_half_open():
    """After a while one probe goes; a success closes, a failure opens for as long again, given up lets another go."""
    breaker = after(False, False, False)
    assert not admits(breaker, 5.0)
    assert admits(breaker, 5.2)
    probing = began(breaker, 5.2)
    assert not admits(probing, 5.3)
    assert state(succeeded(probing, RULES, 5.2, 5.4), 5.4) is State.CLOSED
    again = failed(probing, RULES, 5.2, 5.4)
    assert not admits(again, 10.3)
    assert admits(again, 10.5)
    assert admits(given_up(probing, 5.2), 5.5)


def test_a_probe_that_is_lost_does_not_close_the_door_for_good():
    """A process that was killed with the probe under way never says how it ended."""
    assert admits(began(after(False, False, False), 6.0), 6.0 + 60.0)


def test_calls_that_began_before_it_opened():
    """They neither close it, nor keep it open for longer, nor end the probe."""
    breaker = after(False, False, False)
    for now in (4.9, 6.0):
        assert failed(breaker, RULES, 0.1, now) == breaker
        assert succeeded(breaker, RULES, 0.1, now) == breaker
    probing = began(breaker, 5.2)
    assert given_up(probing, 0.1) == probing


def test_calls_that_go_to_an_open_target():
    """Calls go there if there is no other target. A success closes the breaker, a failure changes nothing."""
    breaker = after(False, False, False)
    assert failed(breaker, RULES, 1.0, 1.1) == breaker
    assert state(succeeded(breaker, RULES, 1.0, 1.1), 1.1) is State.CLOSED


def test_why_it_opened():
    """The reason names what was counted, and the last failure."""
    breaker = Breaker()
    for number in range(3):
        breaker = failed(breaker, RULES, number, number, "status 503")
    assert (breaker.reason, breaker.until) == ("3 failures in a row, the last: status 503", 7.0)
    assert failed(breaker, RULES, 8.0, 8.0, "refused").reason == "the probe failed: refused"
    rules = BreakerRules(failures=99, volume=4)
    mixed = after(True, False, False, rules=rules)
    assert failed(mixed, rules, 1.0, 1.0, "x").reason == "3 of 4 calls failed, the last: x"


def test_of_a_config():
    """Milliseconds are seconds; what is left out is as usual."""
    assert BreakerRules.of({}) == BreakerRules(5, 0.5, 20, 30.0, 30.0)
    found = BreakerRules.of({"failures": 2, "ratio": 0.1, "volume": 3, "window_ms": 400, "open_ms": 700})
    assert found == BreakerRules(2, 0.1, 3, 0.4, 0.7)


class BreakerStateMachine(RuleBasedStateMachine):
    """Any sequence of calls, outcomes and waiting."""

    def __init__(self):
        super().__init__()
        self.breaker, self.now, self.row, self.probes = Breaker(), 0.0, 0, 0

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds):
        self.now += seconds

    @precondition(lambda self: admits(self.breaker, self.now))
    @rule(outcome=st.sampled_from(["succeeded", "failed", "given up"]))
    def call(self, outcome):
        before, start = state(self.breaker, self.now), self.now
        self.breaker = began(self.breaker, start)
        if before is State.HALF_OPEN:
            assert not admits(self.breaker, start)
        if outcome == "given up":
            self.breaker = given_up(self.breaker, start)
            assert state(self.breaker, self.now) is before
        elif outcome == "succeeded":
            self.breaker, self.row = succeeded(self.breaker, RULES, start, self.now), 0
            assert state(self.breaker, self.now) is State.CLOSED
        else:
            self.breaker, self.row = failed(self.breaker, RULES, start, self.now), self.row + 1
            if before is State.HALF_OPEN or self.row >= RULES.failures:
                assert state(self.breaker, self.now) is State.OPEN

    @precondition(lambda self: self.breaker.opened)
    @rule(seconds=st.floats(0.01, 20), outcome=st.sampled_from([succeeded, failed]))
    def late_outcome(self, seconds, outcome):
        """Of a call that began before the breaker opened."""
        before = self.breaker
        self.breaker = outcome(before, RULES, before.opened - seconds, self.now)
        assert self.breaker == before

    @invariant()
    def not_open_for_ever(self):
        """Whatever happened, a call is let through after the time for which it is open, and that of a lost probe."""
        assert admits(self.breaker, self.now + RULES.open + 60.0)

    @invariant()
    def an_open_one_admits_nobody(self):
        assert admits(self.breaker, self.now) or state(self.breaker, self.now) is not State.CLOSED


def test_any_sequence_of_events():
    """A breaker always lets a call through again."""

    def make():
        return BreakerStateMachine()

    # Not BreakerStateMachine.TestCase: for a class, hypothesis parses this whole file, and Python 3.11 fails at that
    # from time to time when objects are collected meanwhile (https://github.com/python/cpython/issues/106905).
    run_state_machine_as_test(make)


@given(st.lists(st.booleans(), max_size=60))
def test_opens_only_for_a_reason(outcomes):
    """It is open only if this many failed in a row, or more than the ratio of enough calls did."""
    breaker = Breaker()
    for number, outcome in enumerate(outcomes):
        breaker = (succeeded if outcome else failed)(breaker, RULES, number * 0.01, number * 0.01)
        if breaker.opened is not None:
            seen = outcomes[: number + 1]
            assert not any(seen[-3:]) or (len(seen) >= 6 and seen.count(False) > 0.5 * len(seen))
            return
