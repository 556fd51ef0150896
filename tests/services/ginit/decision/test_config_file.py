"""The config file of a service: when it is validated, and what follows from the result."""

import pytest

from services.ginit.decision.actions import Check, GiveUp, PutInForce, Reload, Start, Stop
from services.ginit.decision.config_file import begin, check_new, check_timed_out, checked, content_changed
from services.ginit.decision.events import NOT_THERE, Checked, CheckTimedOut
from services.ginit.decision.reloading import RELOAD_LIMIT_S
from services.ginit.decision.state import AfterStop, Phase, RefusedConfig
from services.ginit.decision.transition import Now
from tests.services.ginit.decision.samples import NOW, done, logged, new_service, service
from tests.services.ginit.decision.world import definition

BUSY = [Phase.WAITING, Phase.RELOADING, Phase.STOPPING]


def result(service, *, valid=True, reason=""):
    return Checked(service.definition, service.checking, valid, reason)


def test_first_validation():
    """Before a service is started, its config is validated."""
    changed, actions = begin(new_service(), NOW)
    assert (changed.phase, changed.checking, changed.last_checked) == (Phase.CHECKING, "new", "new")
    assert actions == (Check("one", "new"),)


def test_no_config_file_at_the_start():
    """The service stays idle, and says why."""
    changed, actions = begin(new_service(content=None, missing="is a FIFO"), NOW)
    assert (changed.phase, changed.reason) == (Phase.IDLE, "the config file is a FIFO")
    assert logged(actions) == [("WARN", "service stays idle")]


def test_no_config_file_for_a_service_with_a_die_promise():
    _, (action,) = begin(new_service(content=None, die_promise=True), NOW)
    assert action == GiveUp(f"one has a die promise and is not healthy: the config file {NOT_THERE}")


@pytest.mark.parametrize("phase", [one for one in Phase if one not in BUSY])
def test_new_content_is_validated(phase):
    changed, actions = check_new(service(phase, content="new"), NOW)
    assert actions == (Check("one", "new"),)
    assert (changed.phase, changed.checking, changed.last_checked) == (phase, "new", "new")


@pytest.mark.parametrize("phase", BUSY)
def test_busy_service_is_left_alone(phase):
    """Its new content is validated later: it is still new then."""
    before = service(phase, content="new")
    assert check_new(before, NOW) == (before, ())


@pytest.mark.parametrize(
    "fields", [{"content": None}, {"content": "new", "last_checked": "new"}, {"content": "new", "checking": "older"}]
)
def test_nothing_to_validate(fields):
    """No content, one that was validated already, or one that has to wait for the end of a validation."""
    before = service(**fields)
    assert check_new(before, NOW) == (before, ())


def test_content_in_force_needs_no_validation():
    """But it counts as validated, so that the one that was refused in between is validated if it comes back."""
    changed, actions = check_new(service(content="old", last_checked="refused"), NOW)
    assert (changed.last_checked, actions) == ("old", ())


def test_content_in_force_is_validated_for_an_idle_service():
    """It was given up with this content, and may work now."""
    _, actions = check_new(service(Phase.IDLE, last_checked=None), NOW)
    assert actions == (Check("one", "old"),)


def test_missing_file_is_logged_once():
    changed, actions = content_changed(service(), None, NOT_THERE)
    assert logged(actions) == [("WARN", "config file is missing, the config in force stays")]
    assert changed.refusal == RefusedConfig("", "the file is not there")
    assert content_changed(changed, None, NOT_THERE) == (changed, ())


def test_file_that_cannot_be_read_is_an_error():
    _, (line,) = content_changed(service(), None, "is a FIFO")
    assert (line.level, line.fields["reason"]) == ("ERROR", "it is a FIFO")


def test_refused_content_that_is_written_again_is_validated_again():
    """The reason may be gone: a file that was missing, a port that was taken."""
    before = service(content="new", last_checked="new")
    changed, _ = content_changed(before, "new", "")
    assert changed.last_checked is None


def test_content_in_force_that_is_written_again_is_not():
    changed, actions = content_changed(service(), "old", "")
    assert (changed, actions) == (service(), ())


def test_content_that_is_being_validated_is_not_validated_twice():
    before = service(content="new", last_checked="new", checking="new")
    assert content_changed(before, "new", "")[0].last_checked == "new"


def test_return_to_the_content_in_force():
    changed, actions = content_changed(service(content="refused"), "old", "")
    assert changed.content == "old"
    assert logged(actions) == [("INFO", "config file matches the config in force again")]


def timed_out(service, now=NOW):
    return check_timed_out(service, CheckTimedOut(service.definition, service.checking, 60.0), now)


def test_validation_that_runs_out_of_time_is_tried_again():
    """It says nothing about the content: that is validated again after a pause, and not before."""
    changed, (line,) = timed_out(service(content="new", last_checked="new", checking="new"))
    assert (changed.phase, changed.in_force, changed.checking) == (Phase.HEALTHY, "old", None)
    assert changed.refusal == RefusedConfig(
        "new", "the validation of the config did not end in time, it is tried again"
    )
    assert (line.level, line.message) == ("WARN", "config validation timed out, retrying")
    assert (line.fields["seconds"], line.fields["consequence"]) == (60.0, "the last good one stays in force")
    early = Now(changed.check_at - 0.1, 2)
    assert check_new(changed, early) == (changed, ())
    again, actions = check_new(changed, Now(changed.check_at, 2))
    assert (again.checking, again.check_at, actions) == ("new", None, (Check("one", "new"),))
    good, _ = checked(again, result(again), NOW)
    assert (good.in_force, good.check_timeouts, good.refusal) == ("new", 0, None)


def test_pauses_between_validations_that_run_out_of_time_grow():
    """Up to five minutes, for however long; it is logged once."""
    changed, pauses = service(content="new", last_checked="new", checking="new"), []
    for number in range(50):
        changed, lines = timed_out(changed)
        assert len(lines) == (number == 0)
        pauses.append(changed.check_at - NOW.time)
        changed, _ = check_new(changed, Now(changed.check_at, 2))
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (2.0, 300.0)


@pytest.mark.parametrize("sha256", ["new", "newer"])
def test_file_that_is_written_ends_the_pause(sha256):
    """It is validated at once, and the pauses begin anew."""
    waiting, _ = timed_out(service(content="new", last_checked="new", checking="new", check_timeouts=4))
    written, _ = content_changed(waiting, sha256, "")
    assert (written.check_timeouts, written.check_at) == (0, None)
    _, actions = check_new(written, NOW)
    assert actions == (Check("one", sha256),)


def test_return_to_the_content_in_force_ends_the_pause():
    waiting, _ = timed_out(service(content="new", last_checked="new", checking="new"))
    changed, actions = check_new(content_changed(waiting, "old", "")[0], NOW)
    assert (changed.last_checked, changed.check_at, actions) == ("old", None, ())


def test_time_that_runs_out_before_the_first_start():
    """The service keeps waiting for its validation, also with a die promise; the others no longer wait for it."""
    before = new_service(Phase.CHECKING, checking="new", last_checked="new", die_promise=True)
    changed, actions = timed_out(before)
    assert (changed.phase, changed.startup_over) == (Phase.CHECKING, True)
    assert changed.problem == "one is checking: the validation of the config did not end in time"
    assert logged(actions) == [("WARN", "config validation timed out, retrying")]
    again, actions = check_new(changed, Now(changed.check_at, 2))
    assert actions == (Check("one", "new"),)
    assert checked(again, result(again), NOW)[0].phase is Phase.READY


@pytest.mark.parametrize("phase", BUSY)
def test_pause_that_is_over_while_the_service_is_busy(phase):
    """The content is new again, and validated when there is time for it; no timer is left that has passed."""
    before = service(phase, content="new", last_checked="new", check_at=NOW.time)
    changed, actions = check_new(before, NOW)
    assert (changed.last_checked, changed.check_at, actions) == (None, None, ())


def test_time_that_runs_out_for_nobody():
    before = service(content="new", checking="newest")
    assert check_timed_out(before, CheckTimedOut(before.definition, "new", 60.0), NOW) == (before, ())


def test_result_that_nobody_waits_for():
    before = service(content="new", checking="newest")
    assert checked(before, Checked(before.definition, "new", True), NOW) == (before, ())


def test_result_for_another_command_line():
    before = new_service(Phase.CHECKING, checking="new")
    other = definition("one", arguments=("-x",))
    assert checked(before, Checked(other, "new", False), NOW) == (before, ())


def test_die_promise_that_changes_meanwhile_does_not_matter():
    """The command line is the same, so the result is."""
    before = new_service(Phase.CHECKING, checking="new")
    changed, _ = checked(before, Checked(definition("one", die_promise=True), "new", True), NOW)
    assert changed.phase is Phase.READY


def test_valid_config_before_the_first_start():
    before = new_service(Phase.CHECKING, checking="new")
    changed, actions = checked(before, result(before), NOW)
    assert (changed.phase, changed.in_force, changed.checking) == (Phase.READY, "new", None)
    assert actions == (PutInForce("one", "new"),)


def test_corrected_config_before_the_turn_of_the_service():
    before = new_service(Phase.IDLE, checking="new", starts=0)
    changed, actions = checked(before, result(before), NOW)
    assert (changed.phase, actions) == (Phase.READY, (PutInForce("one", "new"),))


@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.PAUSING])
def test_valid_config_starts_a_service_that_has_ended(phase):
    """Its failures are those of the old config."""
    before = service(phase, content="new", checking="new", starts=3, failures=3)
    changed, actions = checked(before, result(before), NOW)
    assert (changed.phase, changed.failures, changed.starts) == (Phase.STARTING, 0, 4)
    assert actions == (PutInForce("one", "new"), Start("one"))


@pytest.mark.parametrize("fields", [{"writes_checksum": True}, {"name": "bus"}])
def test_valid_config_is_reloaded(fields):
    """By a service that can. It serves all the time, and has so many seconds to answer."""
    before = service(content="new", checking="new", **fields)
    changed, actions = checked(before, result(before), NOW)
    assert (changed.phase, changed.since) == (Phase.RELOADING, 90.0)
    assert changed.timer_at == NOW.time + RELOAD_LIMIT_S
    assert actions == (PutInForce(before.name, "new"), Reload(before.name))


@pytest.mark.parametrize("phase", [Phase.HEALTHY, Phase.STARTING])
def test_valid_config_restarts_a_service_that_cannot_reload(phase):
    before = service(phase, content="new", checking="new")
    changed, actions = checked(before, result(before), NOW)
    assert (changed.phase, changed.after_stop) == (Phase.STOPPING, AfterStop.START)
    assert actions == (PutInForce("one", "new"), Stop("one"))


def test_valid_config_for_a_service_that_is_stopping():
    """Its next start takes it."""
    before = service(Phase.STOPPING, content="new", checking="new")
    changed, actions = checked(before, result(before), NOW)
    assert (changed.phase, actions) == (Phase.STOPPING, (PutInForce("one", "new"),))


def test_invalid_config_of_a_service_that_serves():
    """Nothing but a log line, and a reason that healthcheck shows."""
    before = service(content="new", checking="new")
    changed, (line,) = checked(before, result(before, valid=False, reason="routers: must be a list"), NOW)
    assert (changed.phase, changed.in_force) == (Phase.HEALTHY, "old")
    assert changed.refusal == RefusedConfig("new", "routers: must be a list")
    assert line.fields["consequence"] == "the last good one stays in force"


def test_invalid_config_before_the_first_start():
    before = new_service(Phase.CHECKING, checking="new")
    changed, actions = checked(before, result(before, valid=False), NOW)
    assert (changed.phase, changed.reason) == (Phase.IDLE, "the config is not valid")
    assert logged(actions) == [("ERROR", "config is not valid"), ("WARN", "service stays idle")]


def test_invalid_config_of_a_service_with_a_die_promise():
    before = new_service(Phase.CHECKING, checking="new", die_promise=True)
    _, actions = checked(before, result(before, valid=False), NOW)
    assert done(actions) == [GiveUp("one has a die promise and is not healthy: the config is not valid")]
