"""The answer to a reload: confirmed, refused, or none."""

import pytest

from services.ginit.decision.actions import PutInForce, Stop, WriteChecksum
from services.ginit.decision.reloading import confirmed, refused, reload_timed_out
from services.ginit.decision.starting import STABLE_AFTER_S
from services.ginit.decision.state import AfterStop, Phase, RefusedConfig
from tests.services.ginit.decision.samples import NOW, done, logged, service


def reloading(**fields):
    return service(Phase.RELOADING, **{"content": "new", "in_force": "new", "failures": 1} | fields)


def test_confirmed():
    """The new config is the last good one; the service has been healthy all the time."""
    changed, actions = confirmed(reloading(), NOW)
    assert (changed.phase, changed.last_good, changed.failures) == (Phase.HEALTHY, "new", 0)
    assert (changed.since, changed.timer_at) == (90.0, None)
    assert done(actions) == [WriteChecksum("one", "new")]
    assert logged(actions) == [("INFO", "config is in force")]


def test_confirmed_by_a_service_that_writes_its_checksum_itself():
    """It logs that as well, so ginit's line is for those who look closely."""
    _, actions = confirmed(reloading(writes_checksum=True), NOW)
    assert (done(actions), logged(actions)) == ([], [("DEBUG", "config is in force")])


def test_refused():
    """The last good config is put back, for the next start, and the reason is known."""
    changed, actions = refused(reloading(), "port 1 is taken", NOW)
    assert (changed.phase, changed.in_force, changed.last_good) == (Phase.HEALTHY, "old", "old")
    assert changed.refusal == RefusedConfig("new", "port 1 is taken")
    assert done(actions) == [PutInForce("one", "old")]
    assert logged(actions) == [("ERROR", "config is refused, the last good one stays in force")]


def test_refused_without_a_reason():
    assert refused(reloading(), "", NOW)[0].refusal == RefusedConfig("new", "the service has refused it")


def test_failures_of_before_a_refusal_expire():
    """The service goes on with what it had: that is health, and counts from now."""
    changed, _ = refused(reloading(), "", NOW)
    assert (changed.failures, changed.timer_at) == (1, NOW.time + STABLE_AFTER_S)


def test_nats_server_is_restarted_for_what_it_refuses():
    """It cannot change everything at run time: that is no verdict on the config."""
    changed, actions = refused(reloading(name="bus"), "", NOW)
    assert (changed.phase, changed.after_stop, changed.in_force) == (Phase.STOPPING, AfterStop.START, "new")
    assert done(actions) == [Stop("bus")]
    assert logged(actions) == [("INFO", "restarting service, it cannot reload this config")]


def test_no_answer():
    changed, actions = reload_timed_out(reloading(), NOW)
    assert (changed.phase, changed.in_force) == (Phase.STOPPING, "new")
    assert done(actions) == [Stop("one")]
    assert logged(actions) == [("WARN", "restarting service, it did not confirm its config")]


@pytest.mark.parametrize("phase", [one for one in Phase if one is not Phase.RELOADING])
def test_answer_that_nobody_waits_for(phase):
    """A service may log the same words at another time."""
    before = service(phase)
    assert confirmed(before, NOW) == (before, ())
    assert refused(before, "", NOW) == (before, ())
