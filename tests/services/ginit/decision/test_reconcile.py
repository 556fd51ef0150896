"""ginit's decisions, one situation each. Random sequences are in test_properties."""

from dataclasses import replace

import pytest

from services.ginit.decision.actions import Start, Stop
from services.ginit.decision.events import (
    Checked,
    Confirmed,
    ContentChanged,
    Ended,
    RecordProblems,
    Refused,
    RestartWanted,
    SupervisordStatus,
    TimerFired,
)
from services.ginit.decision.reconcile import decide
from services.ginit.decision.reloading import RELOAD_LIMIT_S
from services.ginit.decision.starting import STABLE_AFTER_S
from services.ginit.decision.state import HANGS_AFTER_S, Appliance, Phase, RefusedConfig, ServiceState
from tests.services.ginit.decision.world import NAMES, World, definition


def phase(world, name):
    return world.state.get(name).phase


def test_order_of_starts():
    """A service is started when the one before is healthy; meanwhile its config is validated, and no other."""
    world = World()
    world.happens(TimerFired())
    assert [check[0] for check in world.checks] == ["bus", "one"]
    world.judge()
    world.judge()
    assert (world.alive, world.checks) == ({"bus"}, [])
    world.healthy("bus")
    assert world.alive == {"bus", "one"}
    assert [check[0] for check in world.checks] == ["two"]
    assert not world.state.startup_over


def test_config_that_is_mended_before_its_turn():
    """A service whose config was found invalid early, and is valid now, still waits for those before it."""
    world = World()
    world.happens(ContentChanged("two", "wrong 1"))
    world.judge()
    world.judge()
    world.healthy("bus")
    world.judge()
    assert phase(world, "two") is Phase.IDLE
    world.happens(ContentChanged("two", "valid 1"))
    world.judge()
    assert world.alive == {"bus", "one"}
    world.healthy("one")
    assert world.alive == {"bus", "one", "two"}


def test_new_config_while_one_is_being_taken_waits_for_its_turn():
    """A service is asked for one thing at a time; the newest content is what it ends with."""
    world = World().begun()
    world.happens(ContentChanged("one", "valid 1"))
    world.judge()
    assert phase(world, "one") is Phase.RELOADING
    world.happens(ContentChanged("one", "valid 2"))
    assert world.checks == []
    world.answers("one", Confirmed)
    assert [check[1] for check in world.checks] == ["valid 2"]
    world.settle()
    assert world.state.get("one").last_good == "valid 2"


def test_reload_without_an_answer_becomes_a_restart():
    """A service that does not say whether it took its config is started with it."""
    world = World().begun()
    world.happens(ContentChanged("one", "valid 1"))
    world.judge()
    world.passes(RELOAD_LIMIT_S)
    assert phase(world, "one") is Phase.STOPPING
    world.leaves()
    assert world.in_force["one"] == "valid 1"
    world.healthy("one")
    assert world.state.get("one").last_good == "valid 1"


def test_death_while_reloading_is_a_trial_of_the_new_config():
    """The new config gets one start of its own; if that fails too, the last good one is back."""
    world = World().begun()
    world.happens(ContentChanged("one", "valid 1"))
    world.judge()
    world.dies("one")
    assert world.in_force["one"] == "valid 1"
    world.dies("one")
    assert world.in_force["one"] == "valid 0"
    world.healthy("one")
    assert world.state.get("one").last_good == "valid 0"


def refusal(world, name):
    return world.state.get(name).refusal


def test_refused_content_is_known_with_its_reason():
    """By the validation, by a reload, or because the service is not healthy with it; until there is another content."""
    world = World().begun()
    world.happens(ContentChanged("one", "wrong 1"))
    assert refusal(world, "one") is None  # it is not known yet
    world.checks.clear()
    world.happens(Checked(definition("one"), "wrong 1", False, "routers: must be a list"))
    assert refusal(world, "one") == RefusedConfig("wrong 1", "routers: must be a list")
    world.happens(ContentChanged("one", "valid 0"))
    assert refusal(world, "one") is None  # what is in force is not refused
    world.happens(ContentChanged("one", "valid 1"))
    world.judge()
    world.happens(Refused("one", "port 1 is taken"))
    assert refusal(world, "one") == RefusedConfig("valid 1", "port 1 is taken")
    world.happens(ContentChanged("one", "valid 1"))
    world.judge()
    world.answers("one", Confirmed)
    assert refusal(world, "one") is None
    world.happens(ContentChanged("one", "valid 2"))
    world.judge()
    world.dies("one")
    world.dies("one")
    assert refusal(world, "one") == RefusedConfig("valid 2", "the service did not become healthy with it: exit code 1")


def test_file_that_cannot_be_read_is_known_with_its_reason():
    """The config in force stays; when the file is back, nothing is wrong with it."""
    world = World().begun()
    world.happens(ContentChanged("one", None, "is a FIFO"))
    assert refusal(world, "one") == RefusedConfig("", "the file is a FIFO")
    world.happens(ContentChanged("one", "valid 0"))
    assert refusal(world, "one") is None


def test_failures_of_before_a_refused_reload_do_not_count_for_ever():
    """A service that refuses a config just after a restart, and serves for days, has all its starts again."""
    world = World(max_starts=1).begun()
    world.dies("one")
    world.healthy("one")
    world.content("one", "valid 1")
    world.judge()
    world.refuses("one")
    world.passes(STABLE_AFTER_S)
    world.dies("one")
    assert phase(world, "one") is Phase.STARTING


def test_validation_for_another_command_line_does_not_count():
    """ginit's config may change while a validation runs: the program may not be the same any more."""
    world = World()
    world.happens(TimerFired())
    assert [check[0] for check in world.checks] == ["bus", "one"]
    world.redefined(NAMES, arguments=("-x",))
    world.happens(Checked(definition("bus"), "valid 0", False, "the program cannot be run"))
    assert phase(world, "bus") is Phase.CHECKING
    world.judged_valid.add(("bus", ("-x",), "valid 0"))
    world.happens(Checked(definition("bus", arguments=("-x",)), "valid 0", True))
    assert phase(world, "bus") is Phase.STARTING


def test_nats_server_is_restarted_for_what_it_cannot_reload():
    """Its port, for example: refusing to reload is no verdict on the config."""
    world = World().begun()
    world.happens(ContentChanged("bus", "valid 1"))
    world.judge()
    world.answers("bus", Refused)
    world.leaves()
    assert world.in_force["bus"] == "valid 1"
    assert phase(world, "bus") is Phase.STARTING


def test_same_content_again_is_no_change():
    """A file that is written again as it was, or is put back after an invalid one, moves nobody; the latter is said."""
    world = World().begun()
    assert world.happens(ContentChanged("one", "valid 0")) == ()
    world.happens(ContentChanged("one", "wrong 1"))
    world.judge()
    (said,) = world.happens(ContentChanged("one", "valid 0"))
    assert said.message == "config file matches the config in force again"
    assert phase(world, "one") is Phase.HEALTHY


def test_health_for_a_while_makes_up_for_failures():
    """Deaths count in a row only if they follow each other quickly."""
    world = World(max_starts=1).begun()
    for _ in range(5):
        world.dies("one")
        world.settle()
    assert phase(world, "one") is Phase.HEALTHY
    world.dies("one")
    world.healthy("one")
    world.dies("one")
    assert phase(world, "one") is Phase.IDLE


def test_no_limit_of_starts():
    """With max_starts 0 a service is started again for ever, and the others do not wait for it."""
    world = World(max_starts=0)
    world.happens(TimerFired())
    for _ in range(50):
        world.judge()
        world.dies("bus")
        world.passes(11)
    assert world.state.get("bus").starts > 40
    assert phase(world, "one") is not Phase.WAITING


def test_hang_is_unhealthy_first_and_then_killed():
    """The appliance and the service are unhealthy at once; the process is killed at the limit, and started again."""
    world = World().begun()
    world.silent("one", HANGS_AFTER_S - 1)
    assert world.state.healthy
    world.silent("one", HANGS_AFTER_S)
    assert world.state.problems == ("one sends no heartbeat",)
    assert "one" not in world.checksums
    world.silent("one", 14.9)
    assert world.killed == set()
    world.silent("one", 15.0)
    assert world.killed == {"one"}
    world.silent("one", 16.0)  # it is not killed each second
    world.killed.clear()
    world.silent("one", 30.0)  # but again, if that did not help
    assert world.killed == {"one"}
    world.leaves()
    assert phase(world, "one") is Phase.STARTING
    world.settle()
    assert world.state.healthy


@pytest.mark.parametrize("name", ["bus", "one"])
def test_hang_that_is_over(name):
    """A process that goes on is healthy again, and its checksum file is back; nobody was killed."""
    world = World().begun()
    world.silent(name, 10.0)
    assert not world.state.healthy
    world.sends_heartbeat(name)
    assert world.state.healthy
    assert world.starts == len(NAMES)


def test_hang_of_a_service_that_is_never_killed():
    """With a limit of 0 it is only unhealthy."""
    world = World()
    services = tuple(replace(one, definition=definition(one.name, hang_timeout=0)) for one in world.state.services)
    world.state = replace(world.state, services=services)
    world.begun()
    world.silent("one", 3600.0)
    assert world.killed == set()
    assert not world.state.healthy


def test_service_that_hangs_again_and_again_is_given_up():
    """Each hang counts as an end without success, however long it takes to find it."""
    world = World(max_starts=1, die_promise=True).begun()
    for _ in range(2):
        for seconds in (2.5, 5.0, 10.0, 15.0):
            world.silent("one", seconds)
            world.passes(STABLE_AFTER_S)
        world.leaves()
        world.healthy("one")
    assert "it sent no heartbeat" in world.state.given_up


def test_supervisord_that_does_not_answer():
    """Nobody could start a service again: that is not healthy, and over when it answers."""
    world = World().begun()
    world.happens(SupervisordStatus(False))
    assert world.state.problems == ("supervisord does not respond",)
    assert world.happens(SupervisordStatus(False)) == ()
    world.happens(SupervisordStatus(True))
    assert world.state.healthy


def test_service_that_is_taken_out_and_put_back():
    """While its process still ends: it is wanted, so it begins anew when that is done."""
    world = World().begun()
    world.redefined(["bus", "two"])
    assert world.leaving == {"one"}
    added = world.redefined(NAMES)
    assert [action.message for action in added] == ["service added"]
    world.leaves()
    world.settle()
    assert world.state.healthy
    assert world.alive == set(NAMES)


def test_service_that_is_taken_out_twice():
    """It is asked to end once, and unregistered once."""
    world = World().begun()
    first, second = world.redefined(["bus", "two"]), world.redefined(["bus"])
    assert [action.name for action in (*first, *second) if isinstance(action, Stop)] == ["one", "two"]
    world.leaves()
    assert [service.name for service in world.state.services] == ["bus"]
    assert world.state.healthy


def test_missing_config_file_at_the_start():
    """The service stays idle until there is one."""
    world = World()
    world.state = replace(world.state, services=tuple(replace(one, content=None) for one in world.state.services))
    world.happens(TimerFired())
    assert {service.phase for service in world.state.services} == {Phase.IDLE}
    world.happens(ContentChanged("two", "valid 1"))
    world.judge()
    assert world.alive == {"two"}


def all_healthy(*names):
    services = tuple(
        ServiceState(
            definition(name),
            Phase.HEALTHY,
            content="valid 0",
            in_force="valid 0",
            last_good="valid 0",
            last_checked="valid 0",
        )
        for name in names
    )
    return Appliance(services, 2)


def test_problems_are_no_health():
    """What is wrong though every process lives makes the appliance unhealthy until it is over; both are said once."""
    state, said = decide(all_healthy("bus", "gl"), RecordProblems(("gl: records wait",)), 1.0)
    assert not state.healthy
    assert [(action.level, action.fields["reason"]) for action in said] == [("ERROR", "gl: records wait")]
    state, said = decide(state, RecordProblems(("gl: 3 records lost",)), 2.0)
    assert (state.healthy, said) == (False, ())
    state, said = decide(state, RecordProblems(()), 3.0)
    assert state.healthy
    assert [action.level for action in said] == ["INFO"]


def test_restart_is_the_remedy():
    """A service that lives and does not do its work is stopped, and started when it has ended; once."""
    state, actions = decide(all_healthy("bus", "gl"), RestartWanted("bus", "its stream accepts no records"), 1.0)
    assert Stop("bus") in actions
    assert Stop("gl") not in actions
    state, actions = decide(state, RestartWanted("bus", "its stream accepts no records"), 1.1)
    assert actions == ()
    state, actions = decide(state, Ended("bus", "exit code 0"), 1.2)
    assert Start("bus") in actions
    assert state.get("bus").failures == 0
