"""The start of a process: who waits for it, and how long."""

from dataclasses import replace

import pytest

from services.ginit.decision.actions import GiveUp, PutInForce, Start, Stop, WriteChecksum
from services.ginit.decision.starting import (
    DELAY_LIMIT_S,
    SILENCE_LIMIT_S,
    STABLE_AFTER_S,
    START_LIMIT_S,
    became_healthy,
    output_seen,
    restart,
    restart_wanted,
    start,
    start_delayed,
    start_timed_out,
    stay_idle,
)
from services.ginit.decision.state import AfterStop, Phase
from services.ginit.decision.transition import Now
from tests.services.ginit.decision.samples import NOW, done, logged, service


def starting(*, since=90.0, last_output=90.0, **fields):
    return service(Phase.STARTING, **{"since": since, "last_output": last_output} | fields)


def test_start():
    changed, actions = start(service(Phase.READY, starts=1), NOW)
    assert (changed.phase, changed.starts, changed.since) == (Phase.STARTING, 2, NOW.time)
    assert (changed.last_output, changed.timer_at) == (NOW.time, NOW.time + SILENCE_LIMIT_S)
    assert actions == (Start("one"),)


def test_restart_is_no_failure():
    changed, actions = restart(service(failures=2), NOW)
    assert (changed.phase, changed.after_stop, changed.failures) == (Phase.STOPPING, AfterStop.START, 0)
    assert actions == (Stop("one"),)


def test_restart_is_wanted():
    changed, actions = restart_wanted(service(), "its stream is stuck", NOW)
    assert (changed.phase, done(actions)) == (Phase.STOPPING, [Stop("one")])
    assert actions[0].fields["reason"] == "its stream is stuck"


@pytest.mark.parametrize("phase", [one for one in Phase if one is not Phase.HEALTHY])
def test_restart_of_a_service_that_is_changing_anyway(phase):
    before = service(phase)
    assert restart_wanted(before, "its stream is stuck", NOW) == (before, ())


def test_output_extends_the_time():
    changed, _ = output_seen(starting(since=99.0), NOW)
    assert (changed.last_output, changed.timer_at) == (NOW.time, NOW.time + SILENCE_LIMIT_S)


def test_output_does_not_extend_it_for_ever():
    changed, _ = output_seen(starting(since=NOW.time - START_LIMIT_S + 1), NOW)
    assert changed.timer_at == NOW.time + 1


def test_a_slow_machine_extends_the_time():
    """The limits of silence and of the start move alike; the reason still tells the time that has passed."""
    before, _ = start(service(), NOW)
    changed, actions = start_delayed(before, 3.0)
    assert (changed.timer_at, changed.last_output, changed.delayed_s) == (before.timer_at + 3, NOW.time + 3, 3.0)
    assert actions == ()
    late, _ = start_timed_out(replace(changed, last_good=None), replace(NOW, time=changed.timer_at))
    assert late.reason == f"no healthy output after {round(SILENCE_LIMIT_S + 3)} seconds"


def test_a_slow_machine_does_not_extend_it_for_ever():
    """A process that waits for a disk that never responds is given up, too."""
    changed = starting(timer_at=100.0)
    for _ in range(100):
        changed, _ = start_delayed(changed, 7.0)
    assert (changed.timer_at, changed.delayed_s) == (100.0 + DELAY_LIMIT_S, DELAY_LIMIT_S)


@pytest.mark.parametrize("before", [service(), starting(is_late=True, timer_at=None)])
def test_a_slow_machine_changes_nothing_else(before):
    assert start_delayed(before, 3.0) == (before, ())


@pytest.mark.parametrize("before", [service(), starting(is_late=True)])
def test_output_of_a_service_that_nobody_waits_for(before):
    assert output_seen(before, NOW) == (before, ())


def test_became_healthy():
    """The config has proved itself. Failures are only reset after a while."""
    before = starting(in_force="new", failures=1, is_late=True, reason="slow")
    changed, actions = became_healthy(before, NOW, writes_checksum=False)
    assert (changed.phase, changed.last_good, changed.failures) == (Phase.HEALTHY, "new", 1)
    assert (changed.is_late, changed.reason, changed.timer_at) == (False, "", NOW.time + STABLE_AFTER_S)
    assert done(actions) == [WriteChecksum("one", "new")]
    assert logged(actions) == [("INFO", "service is healthy")]


def test_became_healthy_with_a_checksum_of_its_own():
    changed, actions = became_healthy(starting(), NOW, writes_checksum=True)
    assert (changed.writes_checksum, done(actions)) == (True, [])


@pytest.mark.parametrize("phase", [one for one in Phase if one is not Phase.STARTING])
def test_healthy_output_at_another_time(phase):
    """A service that is asked to end may write it late; that does not make it healthy."""
    before = service(phase)
    assert became_healthy(before, NOW, writes_checksum=True) == (before, ())


def test_service_that_takes_too_long_holds_nobody_up():
    before = starting(last_good=None)
    assert not before.startup_over
    changed, actions = start_timed_out(before, NOW)
    assert changed.startup_over
    assert (changed.phase, changed.timer_at, changed.is_late) == (Phase.STARTING, None, True)
    assert changed.problem == "one is starting: no healthy output after 10 seconds"
    assert logged(actions) == [("WARN", "service is not healthy yet, starting the others")]


def test_silent_service_with_a_die_promise():
    _, actions = start_timed_out(starting(last_good=None, die_promise=True), NOW)
    assert done(actions) == [GiveUp("one has a die promise and is not healthy: no healthy output after 10 seconds")]


def test_busy_service_with_a_die_promise():
    """What writes all the time is making progress: the others are started, and it goes on."""
    before = starting(since=NOW.time - START_LIMIT_S, last_output=NOW.time - 1, last_good=None, die_promise=True)
    changed, actions = start_timed_out(before, NOW)
    assert (changed.phase, changed.is_late, done(actions)) == (Phase.STARTING, True, [])


def test_new_config_that_takes_too_long():
    """Back to the last good one, whatever was promised."""
    changed, actions = start_timed_out(starting(content="new", in_force="new", die_promise=True), NOW)
    assert (changed.phase, changed.after_stop, changed.in_force) == (Phase.STOPPING, AfterStop.START, "old")
    assert done(actions) == [PutInForce("one", "old"), Stop("one")]
    assert changed.refusal.reason == "the service did not become healthy with it: no healthy output after 10 seconds"


def test_service_that_stays_idle():
    before = service(Phase.IDLE, reason="it is tired")
    assert stay_idle(before)[0] == before
    assert logged(stay_idle(before)[1]) == [("WARN", "service stays idle")]


def test_time_is_that_of_the_decision():
    """Nothing here looks at a clock."""
    assert start(service(), Now(5.0, 0))[0].since == 5.0
