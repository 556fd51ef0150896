"""One service: which decision an event leads to, and what a timer means."""

import pytest

from services.ginit.decision.actions import Start, Stop
from services.ginit.decision.events import (
    BecameHealthy,
    Confirmed,
    Ended,
    HeartbeatMissed,
    HeartbeatSeen,
    OutputSeen,
    Refused,
    RestartWanted,
    TimerFired,
)
from services.ginit.decision.starting import STABLE_AFTER_S
from services.ginit.decision.state import Phase
from services.ginit.decision.step import step
from tests.services.ginit.decision.samples import NOW, done, service


@pytest.mark.parametrize(
    ("phase", "event", "then"),
    [
        (Phase.STARTING, BecameHealthy("one", True), Phase.HEALTHY),
        (Phase.STARTING, OutputSeen("one"), Phase.STARTING),
        (Phase.RELOADING, Confirmed("one"), Phase.HEALTHY),
        (Phase.RELOADING, Refused("one"), Phase.HEALTHY),
        (Phase.HEALTHY, RestartWanted("one", "reason"), Phase.STOPPING),
        (Phase.HEALTHY, Ended("one", "exit code 1"), Phase.STARTING),
        (Phase.HEALTHY, HeartbeatMissed("one", 20.0), Phase.HEALTHY),
        (Phase.HEALTHY, HeartbeatSeen("one"), Phase.HEALTHY),
    ],
)
def test_event_leads_to_a_phase(phase, event, then):
    before = service(phase, unresponsive_s=1.0)
    changed, _ = step(before, event, NOW)
    assert changed.phase is then
    assert changed != before


def test_timer_of_another_service():
    """A timer fires for all services: one that set none, or a later one, does nothing."""
    for timer_at in (None, NOW.time + 0.1):
        before = service(Phase.PAUSING, timer_at=timer_at)
        assert step(before, TimerFired(), NOW) == (before, ())


@pytest.mark.parametrize(
    ("phase", "then", "actions"),
    [
        (Phase.PAUSING, Phase.STARTING, [Start("one")]),
        (Phase.RELOADING, Phase.STOPPING, [Stop("one")]),
        (Phase.STARTING, Phase.STARTING, []),
        (Phase.HEALTHY, Phase.HEALTHY, []),
    ],
)
def test_timer(phase, then, actions):
    """The pause is over, the reload or the start takes too long, or the service has been healthy for a while."""
    changed, taken = step(service(phase, timer_at=NOW.time), TimerFired(), NOW)
    assert (changed.phase, done(taken)) == (then, actions)
    assert changed.timer_at != NOW.time


@pytest.mark.parametrize("phase", [Phase.STOPPING, Phase.IDLE, Phase.READY])
def test_timer_that_no_longer_means_anything(phase):
    """It is cleared, or it would fire again and again."""
    changed, actions = step(service(phase, timer_at=NOW.time), TimerFired(), NOW)
    assert (changed.timer_at, actions) == (None, ())


def test_health_that_lasts_resets_failures():
    changed, _ = step(service(failures=2, timer_at=NOW.time), TimerFired(), NOW)
    assert changed.failures == 0


def test_service_that_does_not_respond_is_not_stable():
    """It may be about to be killed: look again later."""
    changed, _ = step(service(failures=2, timer_at=NOW.time, unresponsive_s=2.5), TimerFired(), NOW)
    assert (changed.failures, changed.timer_at) == (2, NOW.time + STABLE_AFTER_S)
