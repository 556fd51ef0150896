"""ginit's decisions, in a world that is made up: whatever happens in whatever order, some things must hold."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ginit.config import Definition
from services.ginit.decision.actions import (
    Check,
    Forget,
    GiveUp,
    Kill,
    PutInForce,
    Reload,
    RemoveChecksum,
    Start,
    Stop,
    WriteChecksum,
)
from services.ginit.decision.ending import pause
from services.ginit.decision.events import (
    BecameHealthy,
    Checked,
    Confirmed,
    ContentChanged,
    Ended,
    HeartbeatMissed,
    HeartbeatSeen,
    RecordProblems,
    Redefined,
    Refused,
    RestartWanted,
    Stopping,
    SupervisordStatus,
    TimerFired,
)
from services.ginit.decision.reconcile import decide
from services.ginit.decision.reloading import RELOADED_WITHIN
from services.ginit.decision.starting import LATE, SILENT, STABLE
from services.ginit.decision.state import HANGS, Appliance, Phase, Refusal, Service

NAMES = ("bus", "one", "two")


def definition(name, *, die_promise=False, arguments=(), **fields):
    program = "nats-server" if name == "bus" else name
    file = Path(f"/conf/{name}")
    return Definition(
        name, Path(f"/bin/{program}"), "-o", file, arguments, "--validate", "ready", True, die_promise, **fields
    )


class World:
    """Services that do what a test says; it holds what ginit was told to do against what makes sense."""

    def __init__(self, *, max_starts=2, die_promise=False, names=NAMES):
        services = tuple(Service(definition(name, die_promise=die_promise), content="valid 0") for name in names)
        self.state = Appliance(services, max_starts)
        self.now = 0.0
        self.alive = set()
        self.leaving = set()
        self.checks = []
        self.in_force = {}
        self.judged_valid = {name: set() for name in names}
        self.reloading = set()
        self.had_their_turn = set()
        self.starts = 0
        self.over = False
        self.killed = set()
        self.checksums = set()
        self.writers = set()  # those that write their checksum file themselves

    def happens(self, event):
        before = self.state
        self.state, actions = decide(self.state, event, self.now)
        for action in actions:
            self._do(action, before)
        if self.state.healthy:
            assert {service.name for service in self.state.services} <= self.checksums & self.alive
        return actions

    def _do(self, action, before):  # noqa: C901 - one case for each action
        assert not self.over
        assert isinstance(action, RemoveChecksum) or not before.stopping
        match action:
            case Check(name, sha256):
                self.checks.append((name, sha256))
            case PutInForce(name, sha256):
                assert sha256 in self.judged_valid.setdefault(name, set())
                self.in_force[name] = sha256
            case Start(name):
                assert name not in self.alive
                assert name in self.in_force
                self._in_order(name)
                self.alive.add(name)
                self.starts += 1
                self.leaving.discard(name)
                self.killed.discard(name)
            case Kill(name):
                assert name in self.alive
                self.killed.add(name)
            case WriteChecksum(name):
                assert name in self.alive
                self.checksums.add(name)
            case RemoveChecksum(name):
                self.checksums.discard(name)
            case Stop(name):
                assert name in self.alive
                self.leaving.add(name)
            case Reload(name):
                assert name in self.alive
                self.reloading.add(name)
            case Forget(one):
                assert one.name not in self.alive
            case GiveUp():
                self.over = True

    def _in_order(self, name):
        """The first start of a service comes when all before it are settled."""
        if name not in self.had_their_turn:
            names = [service.name for service in self.state.services]
            assert all(service.settled for service in self.state.services[: names.index(name)])
            self.had_their_turn.add(name)

    # ------------------------------------------------------------ what a world can do

    def judge(self):
        """Answer the oldest validation."""
        if self.checks:
            name, sha256 = self.checks.pop(0)
            valid = sha256.startswith("valid")
            if valid:
                self.judged_valid[name].add(sha256)
            self.happens(Checked(name, sha256, valid))

    def healthy(self, name, *, writes_checksum=True):
        if name in self.alive - self.killed:
            itself = writes_checksum and name != "bus"
            if self.phase(name) is Phase.STARTING:
                (self.writers.add if itself else self.writers.discard)(name)
                self._shows(name)
            self.happens(BecameHealthy(name, itself))

    def phase(self, name):
        service = self.state.get(name)
        return service and service.phase

    def _shows(self, name):
        """What a service does by itself: it writes its checksum file."""
        if name in self.writers & self.alive:
            self.checksums.add(name)

    def silent(self, name, seconds):
        if name in self.alive:
            self.happens(HeartbeatMissed(name, seconds))

    def gives_a_sign(self, name):
        if name in self.alive - self.killed and (service := self.state.get(name)) and service.unresponsive_s:
            self._shows(name)
            self.happens(HeartbeatSeen(name))

    def dies(self, name):
        if name in self.alive:
            self.alive.discard(name)
            self.leaving.discard(name)
            self.reloading.discard(name)
            self.killed.discard(name)
            self.happens(Ended(name, "exit code 1"))

    def leaves(self):
        """Those that were asked to end, or were killed, do so."""
        for name in sorted(self.leaving | self.killed):
            self.dies(name)

    def answers(self, name, event):
        if name in self.reloading:
            self.reloading.discard(name)
            if name not in self.killed:
                self._shows(name)
                self.happens(event(name))

    def passes(self, seconds):
        self.now += seconds
        self.happens(TimerFired())

    def settle(self):
        """Everybody behaves from now on, and time passes."""
        for _ in range(100):
            while self.checks:
                self.judge()
            self.leaves()
            for name in list(self.reloading):
                self.answers(name, Confirmed)
            for name in sorted(self.alive):
                self.healthy(name)
                self.gives_a_sign(name)
            self.passes(STABLE)
            if self.state.healthy and self.state.timer_at is None and not self.checks:
                return

    def begun(self):
        self.happens(TimerFired())
        self.settle()
        return self


def phase(world, name):
    return world.state.get(name).phase


name_of = st.sampled_from(NAMES)
contents = st.sampled_from(["valid 1", "valid 2", "valid 3", "wrong 1", "wrong 2", None])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("content"), name_of, contents),
        st.tuples(st.just("judge")),
        st.tuples(st.just("healthy"), name_of, st.booleans()),
        st.tuples(st.just("dies"), name_of),
        st.tuples(st.just("leaves")),
        st.tuples(st.just("confirms"), name_of),
        st.tuples(st.just("refuses"), name_of),
        st.tuples(st.just("silent"), name_of, st.sampled_from([2.5, HANGS, 10.0, 15.0, 16.0, 31.0])),
        st.tuples(st.just("sign"), name_of),
        st.tuples(st.just("passes"), st.sampled_from([0.0, 0.3, 2.0, STABLE, SILENT, LATE])),
        st.tuples(st.just("redefined"), st.lists(name_of, unique=True, min_size=1), st.sampled_from([(), ("-x",)])),
    ),
    max_size=60,
)


def play(world, script):
    for kind, *values in script:
        STEPS[kind](world, *values)
        if world.over:
            return


def redefine(world, names, arguments):
    known = tuple((definition(name, arguments=arguments), "valid 0") for name in names)
    world.happens(Redefined(known, 2))


STEPS = {
    "content": lambda world, name, content: world.happens(ContentChanged(name, content)),
    "judge": World.judge,
    "healthy": lambda world, name, writes_checksum: world.healthy(name, writes_checksum=writes_checksum),
    "dies": World.dies,
    "leaves": World.leaves,
    "confirms": lambda world, name: world.answers(name, Confirmed),
    "refuses": lambda world, name: world.answers(name, Refused),
    "silent": World.silent,
    "sign": World.gives_a_sign,
    "passes": World.passes,
    "redefined": redefine,
}


@given(steps)
def test_whatever_happens_makes_sense(script):
    """Nothing runs twice, nothing invalid is in force, the order holds; and in the end all is well."""
    world = World()
    world.happens(TimerFired())
    play(world, script)
    names = [service.name for service in world.state.services]
    for name in names:
        world.happens(ContentChanged(name, "valid last"))
    world.settle()
    assert world.state.healthy
    for service in world.state.services:
        assert service.phase is Phase.HEALTHY
        assert world.in_force[service.name] == service.in_force == service.last_good == "valid last"
    assert world.alive == {service.name for service in world.state.services}


@given(steps)
def test_die_promises_end_it_once(script):
    """With die promises the appliance is given up at most once, and nothing is done after."""
    world = World(die_promise=True)
    world.happens(TimerFired())
    play(world, script)
    if world.over:
        assert world.state.given_up
        assert world.happens(TimerFired()) == ()
        assert not world.state.healthy


@given(steps, steps)
def test_nothing_starts_while_all_is_stopping(before, after):
    """From the moment that everything ends, whatever else happens, nobody is started."""
    world = World()
    world.happens(TimerFired())
    play(world, before)
    world.happens(Stopping())
    starts = world.starts
    play(world, [step for step in after if step[0] != "redefined"])
    assert world.starts == starts
    assert not world.state.healthy


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
    assert not world.state.settled


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
    world.passes(RELOADED_WITHIN)
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
    world.happens(Checked("one", "wrong 1", False, "routers: must be a list"))
    assert refusal(world, "one") == Refusal("wrong 1", "routers: must be a list")
    world.happens(ContentChanged("one", "valid 0"))
    assert refusal(world, "one") is None  # what is in force is not refused
    world.happens(ContentChanged("one", "valid 1"))
    world.judge()
    world.happens(Refused("one", "port 1 is taken"))
    assert refusal(world, "one") == Refusal("valid 1", "port 1 is taken")
    world.happens(ContentChanged("one", "valid 1"))
    world.judge()
    world.answers("one", Confirmed)
    assert refusal(world, "one") is None
    world.happens(ContentChanged("one", "valid 2"))
    world.judge()
    world.dies("one")
    world.dies("one")
    assert refusal(world, "one") == Refusal("valid 2", "the service did not become healthy with it: exit code 1")


def test_file_that_cannot_be_read_is_known_with_its_reason():
    """The config in force stays; when the file is back, nothing is wrong with it."""
    world = World().begun()
    world.happens(ContentChanged("one", None, "is a FIFO"))
    assert refusal(world, "one") == Refusal("", "the file is a FIFO")
    world.happens(ContentChanged("one", "valid 0"))
    assert refusal(world, "one") is None


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


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (1, 0), (2, 0.1), (3, 0.2), (5, 0.8), (9, 10), (1000, 10)])
def test_pause_between_starts(failures, seconds):
    """The first restart is at once, the pauses grow, and have an end."""
    assert pause(failures) == seconds


def test_hang_is_unhealthy_first_and_then_killed():
    """The appliance and the service are unhealthy at once; the process is killed at the limit, and started again."""
    world = World().begun()
    world.silent("one", HANGS - 1)
    assert world.state.healthy
    world.silent("one", HANGS)
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
    world.gives_a_sign(name)
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
            world.passes(STABLE)
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
        Service(
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
