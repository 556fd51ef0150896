"""ginit's decisions over random sequences of events. What must hold after each one is in `World`."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.ginit.decision.events import RecordProblems, RestartWanted, Stopping, SupervisordStatus, TimerFired
from services.ginit.decision.starting import SILENCE_LIMIT_S, STABLE_AFTER_S, START_LIMIT_S
from services.ginit.decision.state import HANGS_AFTER_S, SERVING, Phase
from tests.services.ginit.decision.world import NAMES, World

names = st.sampled_from(NAMES)
first_contents = st.sampled_from(["valid 0", "valid 0", "wrong 0", None])
contents = st.sampled_from(["valid 0", "valid 1", "valid 2", "wrong 1", None])
silences = st.sampled_from([2.5, HANGS_AFTER_S, 10.0, 15.0, 16.0, 31.0])
spans = st.sampled_from([0.0, 0.3, 2.0, STABLE_AFTER_S, SILENCE_LIMIT_S, START_LIMIT_S])
whichever = st.integers(0, len(NAMES) - 1)


class Decisions(RuleBasedStateMachine):
    """An appliance of three services. Whatever happens in whatever order, `World` finds nothing that must not be."""

    @initialize(
        max_starts=st.integers(0, 3),
        promised=st.sets(names, max_size=2),
        contents=st.tuples(*[first_contents] * len(NAMES)),
        begun=st.booleans(),
    )
    def begin(self, max_starts, promised, contents, begun):
        self.world = World(max_starts=max_starts, promised=promised, contents=contents)
        if begun:
            self.world.begun()
        else:
            self.world.happens(TimerFired())

    def goes_on(self):
        return not (self.world.over or self.world.state.stopping)

    def one_of(self, which, *phases):
        """A service in one of these phases that lives, if there is one."""
        found = self.world.named(*phases)
        return found[which % len(found)] if found else None

    # ------------------------------------------------------------ one event

    @rule(name=names, content=contents)
    def config_file_is_written(self, name, content):
        self.world.content(name, content)

    @precondition(lambda self: self.world.checks)
    @rule()
    def validation_ends(self):
        self.world.judge()

    @rule(which=whichever)
    def service_writes(self, which):
        self.world.writes(self.one_of(which, Phase.STARTING))

    @rule(which=whichever, writes_checksum=st.booleans())
    def service_is_healthy(self, which, writes_checksum):
        self.world.healthy(self.one_of(which, Phase.STARTING), writes_checksum=writes_checksum)

    @rule(which=whichever)
    def process_dies(self, which):
        self.world.dies(self.one_of(which, *Phase))

    @precondition(lambda self: self.world.leaving | self.world.killed)
    @rule()
    def processes_leave(self):
        self.world.leaves()

    @precondition(lambda self: self.world.reloading)
    @rule(which=whichever)
    def service_confirms(self, which):
        self.world.confirms(self.one_of(which, Phase.RELOADING))

    @precondition(lambda self: self.world.reloading)
    @rule(which=whichever)
    def service_refuses(self, which):
        self.refused(self.one_of(which, Phase.RELOADING))

    @rule(which=whichever, seconds=silences)
    def heartbeat_is_missed(self, which, seconds):
        self.world.silent(self.one_of(which, *SERVING), seconds)

    @rule(name=names)
    def heartbeat_is_seen(self, name):
        self.world.gives_a_sign(name)

    @rule(seconds=spans)
    def time_passes(self, seconds):
        self.world.passes(seconds)

    @rule(chosen=st.lists(names, unique=True, min_size=1), arguments=st.sampled_from([(), ("-x",)]))
    def services_are_redefined(self, chosen, arguments):
        self.world.redefined(chosen, arguments=arguments)

    @rule(name=names)
    def restart_is_wanted(self, name):
        self.world.happens(RestartWanted(name, "it does not do its work"))

    @rule(responds=st.booleans())
    def supervisord_responds(self, responds):
        self.world.happens(SupervisordStatus(responds))

    @rule(problems=st.sampled_from([(), ("records of gl: lost",)]))
    def records_are_at_risk(self, problems):
        self.world.happens(RecordProblems(problems))

    @rule(name=names)
    def disk_is_full(self, name):
        self.world.full.add(name)

    @rule()
    def disk_has_room(self):
        self.world.full.clear()
        self.world.again()

    # ------------------------------------------------------------ what a random sequence would seldom come to

    @rule()
    def everybody_behaves(self):
        if self.goes_on():
            self.world.settle()

    @rule(name=names, times=st.integers(2, 6), healthy=st.booleans())
    def service_ends_again_and_again(self, name, times, healthy):
        for _ in range(times):
            if healthy:
                self.world.healthy(name)
            self.world.dies(name)
            self.world.passes(2.0)

    @rule(name=names, times=st.integers(2, 4))
    def service_hangs_again_and_again(self, name, times):
        for _ in range(times):
            self.world.healthy(name)
            for seconds in (2.5, 7.5, 15.0):
                self.world.silent(name, seconds)
                self.world.passes(STABLE_AFTER_S)
            self.world.leaves()
            self.world.passes(2.0)

    @rule(name=names, content=st.sampled_from(["valid 1", "valid 2"]))
    def service_refuses_a_new_config(self, name, content):
        world = self.world
        world.content(name, content)
        while world.checks:
            world.judge()
        self.refused(name)

    def refused(self, name):
        """A service that refuses a config goes on with the one that it was healthy with; the bus is restarted."""
        world = self.world
        good = world.loaded.get(name)
        is_answer = self.goes_on() and name in world.reloading - world.leaving - world.killed - world.full - {"bus"}
        world.refuses(name)
        if is_answer:
            assert world.in_force[name] == good
            assert world.state.get(name).last_good == good
            assert world.phase(name) is Phase.HEALTHY

    @rule(name=names, content=st.sampled_from(["valid 1", "valid 2"]), late=st.booleans())
    def service_fails_with_a_new_config(self, name, content, late):
        """If it was healthy with another one, it goes back to that."""
        world = self.world
        service = world.state.get(name)
        is_trial = self.goes_on() and world.phase(name) is Phase.HEALTHY and not (world.full or service.checking)
        good = world.loaded.get(name)
        world.content(name, content)
        while world.checks:
            world.judge()
        if is_trial and content != good and self.goes_on():
            assert world.in_force[name] == content
            world.dies(name)  # while it reloads, or because it was asked to
            assert world.phase(name) is Phase.STARTING
            if late:
                world.passes(START_LIMIT_S)
                world.leaves()
            else:
                world.dies(name)
            assert not self.goes_on() or world.in_force[name] == world.loaded[name] == good

    @invariant()
    def given_up_once(self):
        """With a reason, and only then is nothing done any more."""
        assert self.world.over is bool(self.world.state.given_up)

    # ------------------------------------------------------------ the end

    @rule()
    def everything_stops(self):
        self.world.happens(Stopping())

    def teardown(self):
        """In the end all is well if everybody behaves; or everything stops: nothing is started, and nothing is left."""
        world = self.world
        if self.goes_on():
            for name in NAMES:
                world.content(name, "valid last")
            world.happens(SupervisordStatus(True))
            world.happens(RecordProblems(()))
            world.settle()
        if self.goes_on():
            services = world.state.services
            assert world.state.healthy
            assert {service.phase for service in services} == {Phase.HEALTHY}
            assert world.alive == {service.name for service in services} == world.wanted
            assert {world.loaded[service.name] for service in services} == {"valid last"}
        starts = world.starts
        world.happens(Stopping())
        for name in NAMES:
            world.content(name, "valid 1")
            world.healthy(name)
            world.dies(name)
        world.judge()
        world.passes(START_LIMIT_S)
        assert world.starts == starts
        assert world.alive == set()
        assert world.checksums == {}
        assert not world.state.healthy


# Which sequences are drawn changes with any constant of the code, so a fixed seed does not fix them: this is a search.
TestDecisions = pytest.mark.skipif(settings.get_current_profile_name() != "search", reason="run by `make search`")(
    Decisions.TestCase
)
TestDecisions.settings = settings(max_examples=max(400, settings.default.max_examples), stateful_step_count=40)
