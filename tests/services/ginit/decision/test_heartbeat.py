"""Missed heartbeats: a service is unhealthy first, then it is killed, as often as it takes."""

import pytest

from services.ginit.decision.actions import Kill, RemoveChecksum, WriteChecksum
from services.ginit.decision.heartbeat import heartbeat_missed, heartbeat_seen
from services.ginit.decision.state import HANGS_AFTER_S, SERVING, Phase
from tests.services.ginit.decision.samples import done, logged, service


def test_short_silence_changes_nothing_that_others_see():
    changed, actions = heartbeat_missed(service(), HANGS_AFTER_S - 0.1)
    assert (changed.unresponsive_s, changed.problem, actions) == (HANGS_AFTER_S - 0.1, "", ())


def test_unhealthy_first():
    changed, actions = heartbeat_missed(service(), HANGS_AFTER_S)
    assert changed.problem == "one sends no heartbeat"
    assert done(actions) == [RemoveChecksum("one")]
    assert logged(actions) == [("ERROR", "service sends no heartbeat")]
    assert heartbeat_missed(changed, HANGS_AFTER_S + 1)[1] == ()


def test_killed_at_the_limit():
    changed, actions = heartbeat_missed(service(unresponsive_s=14.0), 15.0)
    assert done(actions) == [Kill("one")]
    assert changed.killed_at_s == 15.0


def test_limit_of_the_service():
    """`hang_timeout_seconds` of its own; below the limit for health both come at once."""
    _, actions = heartbeat_missed(service(hang_timeout=2), 2.5)
    assert done(actions) == [Kill("one")]
    _, actions = heartbeat_missed(service(hang_timeout=3), HANGS_AFTER_S)
    assert done(actions) == [RemoveChecksum("one"), Kill("one")]


def test_killed_again_only_after_the_same_time():
    """A process in an uninterruptible wait does not end at once."""
    before = service(unresponsive_s=16.0, killed_at_s=15.0)
    assert heartbeat_missed(before, 29.9)[1] == ()
    changed, actions = heartbeat_missed(before, 30.0)
    assert done(actions) == [Kill("one")]
    assert changed.killed_at_s == 30.0


def test_never_killed():
    _, actions = heartbeat_missed(service(hang_timeout=0, unresponsive_s=10.0), 3600.0)
    assert actions == ()


@pytest.mark.parametrize("phase", [one for one in Phase if one not in SERVING])
def test_service_that_does_not_serve(phase):
    """Nothing is expected of it."""
    before = service(phase)
    assert heartbeat_missed(before, 60.0) == (before, ())


def test_heartbeat_is_back():
    """ginit writes the checksum file again, unless the service does so itself."""
    changed, actions = heartbeat_seen(service(unresponsive_s=20.0, killed_at_s=15.0))
    assert (changed.unresponsive_s, changed.killed_at_s) == (0.0, 0.0)
    assert done(actions) == [WriteChecksum("one", "old")]
    assert logged(actions) == [("INFO", "service sends heartbeats again")]
    _, actions = heartbeat_seen(service(unresponsive_s=20.0, writes_checksum=True))
    assert done(actions) == []


def test_checksum_of_a_service_that_hung_while_it_reloaded():
    """It is that of the config that it is known to work with, not of the one that it was asked to reload."""
    _, actions = heartbeat_seen(service(Phase.RELOADING, name="bus", in_force="new", unresponsive_s=10.0))
    assert done(actions) == [WriteChecksum("bus", "old")]


def test_heartbeat_after_a_short_silence():
    """Nobody has noticed anything."""
    changed, actions = heartbeat_seen(service(unresponsive_s=3.0))
    assert (changed.unresponsive_s, actions) == (0.0, ())
