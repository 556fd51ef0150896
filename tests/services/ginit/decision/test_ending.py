"""The end of a process: what follows depends on why it ended, and how often."""

import pytest

from services.ginit.decision.actions import GiveUp, PutInForce, RemoveChecksum, Start, Unregister
from services.ginit.decision.ending import backoff_s, ended
from services.ginit.decision.state import RUNNING, AfterStop, Phase, RefusedConfig
from services.ginit.decision.transition import Now
from tests.services.ginit.decision.samples import NOW, done, logged, service


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (1, 0), (2, 0.1), (3, 0.2), (5, 0.8), (9, 10), (1000, 10)])
def test_backoff_grows_and_has_a_limit(failures, seconds):
    """The first restart is at once."""
    assert backoff_s(failures) == seconds


@pytest.mark.parametrize("phase", [one for one in Phase if one not in RUNNING])
def test_end_that_is_known_already(phase):
    before = service(phase)
    assert ended(before, "exit code 1", NOW) == (before, ())


@pytest.mark.parametrize("phase", sorted(RUNNING, key=lambda one: one.value))
def test_ended_service_loses_its_checksum_file_first(phase):
    """Before anything else is done: it must not look healthy for a moment longer."""
    _, actions = ended(service(phase), "exit code 1", NOW)
    assert actions[0] == RemoveChecksum("one")


def test_first_failure_is_followed_by_a_start_at_once():
    changed, actions = ended(service(), "exit code 1", NOW)
    assert (changed.phase, changed.failures, changed.since) == (Phase.STARTING, 1, NOW.time)
    assert done(actions) == [RemoveChecksum("one"), Start("one")]
    assert logged(actions) == [("WARN", "service ended")]


def test_next_failure_is_followed_by_a_pause():
    changed, actions = ended(service(Phase.STARTING, failures=1), "exit code 1", NOW)
    assert (changed.phase, changed.failures, changed.reason) == (Phase.PAUSING, 2, "exit code 1")
    assert changed.timer_at == NOW.time + backoff_s(2)
    assert done(actions) == [RemoveChecksum("one")]


def test_last_failure_is_the_end_of_the_service():
    changed, actions = ended(service(Phase.STARTING, failures=2), "exit code 1", NOW)
    assert (changed.phase, changed.timer_at) == (Phase.IDLE, None)
    assert changed.problem == "one is idle: it ended 3 times in a row: exit code 1"
    assert logged(actions) == [("WARN", "service ended"), ("WARN", "service stays idle")]


def test_last_failure_of_a_service_with_a_die_promise():
    _, actions = ended(service(Phase.STARTING, failures=2, die_promise=True), "exit code 1", NOW)
    assert done(actions)[-1] == GiveUp(
        "one has a die promise and is not healthy: it ended 3 times in a row: exit code 1"
    )


def test_no_limit():
    """With max_starts 0 a service is started for ever."""
    changed, _ = ended(service(Phase.STARTING, failures=1000), "exit code 1", Now(100.0, max_starts=0))
    assert changed.phase is Phase.PAUSING


def test_service_that_was_killed_because_it_hung():
    _, (_, line, *_) = ended(service(killed_at_s=15.0), "a signal", NOW)
    assert line.fields["how"] == "a signal, it sent no heartbeat"


def test_process_that_was_to_be_restarted():
    """That is no failure."""
    changed, actions = ended(service(Phase.STOPPING, after_stop=AfterStop.START), "exit code 0", NOW)
    assert (changed.phase, changed.failures) == (Phase.STARTING, 0)
    assert actions == (RemoveChecksum("one"), Start("one"))


def test_process_of_an_old_definition():
    """The service begins anew, with the validation of its config."""
    changed, actions = ended(service(Phase.STOPPING, after_stop=AfterStop.BEGIN), "exit code 0", NOW)
    assert (changed.phase, actions) == (Phase.WAITING, (RemoveChecksum("one"),))


def test_process_of_a_service_that_was_removed():
    before = service(Phase.STOPPING, after_stop=AfterStop.UNREGISTER)
    _, actions = ended(before, "exit code 0", NOW)
    assert actions == (RemoveChecksum("one"), Unregister(before.definition))


def test_new_config_that_the_service_does_not_start_with():
    """The last good one is put in force before the next start, and healthcheck shows the reason."""
    before = service(Phase.STARTING, content="new", in_force="new", failures=1)
    changed, actions = ended(before, "exit code 3", NOW)
    assert (changed.phase, changed.in_force, changed.failures) == (Phase.STARTING, "old", 1)
    assert done(actions) == [RemoveChecksum("one"), PutInForce("one", "old"), Start("one")]
    assert changed.refusal == RefusedConfig("new", "the service did not become healthy with it: exit code 3")


def test_end_during_a_reload():
    """The new config gets a start of its own, which does not count as a failure."""
    before = service(Phase.RELOADING, content="new", in_force="new")
    changed, actions = ended(before, "exit code 3", NOW)
    assert (changed.phase, changed.in_force, changed.failures) == (Phase.STARTING, "new", 0)
    assert done(actions) == [RemoveChecksum("one"), Start("one")]
    assert logged(actions) == [("WARN", "service ended while reloading its config")]
