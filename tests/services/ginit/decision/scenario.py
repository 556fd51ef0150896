"""Scenarios for ginit's decisions: what happens to three services, as values that can be drawn, played and shortened.

A scenario is data: a random generator or hypothesis can draw it, and a failure can be printed and made shorter.
What must hold after each event is in `World`; what must hold after some of the moves, and at the end, is in `Player`.
"""

from dataclasses import dataclass, replace

from services.ginit.decision.events import RecordProblems, RestartWanted, Stopping, SupervisordStatus, TimerFired
from services.ginit.decision.starting import SILENCE_LIMIT_S, STABLE_AFTER_S, START_LIMIT_S
from services.ginit.decision.state import HANGS_AFTER_S, SERVING, Phase
from tests.services.ginit.decision.world import NAMES, World

_WHICH = tuple(range(len(NAMES)))  # of the services that a move may concern
_CONTENTS = ("valid 0", "valid 1", "valid 2", "wrong 1", None)
_NEW_CONTENTS = ("valid 1", "valid 2")
_SPANS = (0.0, 0.3, 2.0, STABLE_AFTER_S, SILENCE_LIMIT_S, START_LIMIT_S)
_BOTH = (False, True)

START = {
    "max_starts": (0, 1, 2, 3),
    "promised": ((), *((name,) for name in NAMES), NAMES[:2], NAMES[1:]),
    "first_contents": (("valid 0",) * 3, ("valid 0", "wrong 0", "valid 0"), ("wrong 0", "valid 0", None)),
    "is_running": _BOTH,
}
"""The values of each field of a scenario."""

MOVES = {
    "config_file_is_written": (NAMES, _CONTENTS),
    "validation_ends": (),
    "validation_times_out": (),
    "service_writes": (_WHICH,),
    "service_is_healthy": (_WHICH, _BOTH),
    "process_dies": (_WHICH,),
    "end_is_reported_twice": (NAMES,),
    "processes_leave": (),
    "service_confirms": (_WHICH,),
    "service_refuses": (_WHICH,),
    "heartbeat_is_missed": (_WHICH, (2.5, HANGS_AFTER_S, 10.0, 15.0, 16.0, 31.0)),
    "heartbeat_is_seen": (NAMES,),
    "time_passes": (_SPANS,),
    "service_is_taken_out_and_put_back": (NAMES, ((), ("-x",))),
    "services_are_redefined": ((NAMES, NAMES[:2], NAMES[1:], (NAMES[2], NAMES[0])), ((), ("-x",))),
    "restart_is_wanted": (NAMES,),
    "supervisord_responds": (_BOTH,),
    "records_are_at_risk": (((), ("records of gl: lost",)),),
    "disk_is_full": (NAMES,),
    "disk_has_room": (),
    "everybody_behaves": (),
    "service_ends_again_and_again": (NAMES, (2, 3, 4, 6), _BOTH),
    "service_hangs_again_and_again": (NAMES, (2, 3, 4)),
    "service_refuses_a_new_config": (NAMES, _NEW_CONTENTS, _BOTH),
    "service_fails_with_a_new_config": (NAMES, _NEW_CONTENTS, _BOTH),
    "everything_stops": (),
}
"""The moves, methods of `Player`, each with the values of its arguments."""

_RARE = {"everything_stops": 0.05}  # little happens after it


@dataclass(frozen=True, slots=True)
class Move:
    """A method of `Player`, and its arguments."""

    name: str
    arguments: tuple

    def __repr__(self):
        return f"Move({self.name!r}, {self.arguments!r})"


@dataclass(frozen=True, slots=True)
class Scenario:
    """How an appliance begins, and what happens to it."""

    max_starts: int
    promised: tuple[str, ...]
    first_contents: tuple[str | None, ...]
    is_running: bool
    moves: tuple[Move, ...]

    @classmethod
    def random(cls, random, length):
        """A scenario of so many moves. The same generator gives the same scenarios, whatever the code is."""
        weights = [_RARE.get(name, 1.0) for name in MOVES]
        moves = (
            Move(name, tuple(random.choice(values) for values in MOVES[name]))
            for name in random.choices(list(MOVES), weights, k=length)
        )
        return cls(**{field: random.choice(values) for field, values in START.items()}, moves=tuple(moves))

    def play(self):
        """Play it; raises AssertionError if something does not hold."""
        player = Player(self)
        for move in self.moves:
            getattr(player, move.name)(*move.arguments)
            assert player.world.over is bool(player.world.state.given_up), "given up for a reason, or not at all"
        player.end()

    def shortened(self):
        """A scenario that fails as well, and of which no move can be left out."""
        shortest, place = self, len(self.moves)
        while place:
            place -= 1
            shorter = replace(shortest, moves=shortest.moves[:place] + shortest.moves[place + 1 :])
            if shorter.fails():
                shortest = shorter
        return shortest

    def fails(self):
        try:
            self.play()
        except Exception:  # noqa: BLE001 - also what a broken world raises
            return True
        return False


class Player:
    """Plays the moves of a scenario in a `World`. A move that is not possible now does nothing."""

    def __init__(self, scenario):
        self.world = World(max_starts=scenario.max_starts, promised=scenario.promised, contents=scenario.first_contents)
        if scenario.is_running:
            self.world.begun()
        else:
            self.world.happens(TimerFired())

    @property
    def goes_on(self):
        return not (self.world.over or self.world.state.stopping)

    def _one_of(self, which, *phases):
        """A service in one of these phases that lives, if there is one."""
        found = self.world.in_phases(*phases)
        return found[which % len(found)] if found else None

    # ------------------------------------------------------------ one event

    def config_file_is_written(self, name, content):
        self.world.content(name, content)

    def validation_ends(self):
        self.world.judge()

    def validation_times_out(self):
        self.world.times_out()

    def service_writes(self, which):
        self.world.writes(self._one_of(which, Phase.STARTING))

    def service_is_healthy(self, which, writes_checksum):
        self.world.healthy(self._one_of(which, Phase.STARTING), writes_checksum=writes_checksum)

    def process_dies(self, which):
        self.world.dies(self._one_of(which, *Phase))

    def end_is_reported_twice(self, name):
        self.world.dies_once_more(name)

    def processes_leave(self):
        self.world.leaves()

    def service_confirms(self, which):
        self.world.confirms(self._one_of(which, Phase.RELOADING))

    def service_refuses(self, which):
        self._refused(self._one_of(which, Phase.RELOADING))

    def heartbeat_is_missed(self, which, seconds):
        self.world.silent(self._one_of(which, *SERVING), seconds)

    def heartbeat_is_seen(self, name):
        self.world.sends_heartbeat(name)

    def time_passes(self, seconds):
        self.world.passes(seconds)

    def services_are_redefined(self, chosen, arguments):
        self.world.redefined(chosen, arguments=arguments)

    def restart_is_wanted(self, name):
        self.world.happens(RestartWanted(name, "it does not do its work"))

    def supervisord_responds(self, responds):
        self.world.happens(SupervisordStatus(responds))

    def records_are_at_risk(self, problems):
        self.world.happens(RecordProblems(problems))

    def disk_is_full(self, name):
        self.world.full.add(name)

    def disk_has_room(self):
        self.world.full.clear()
        self.world.again()

    # ------------------------------------------------------------ what a random sequence would seldom come to

    def everybody_behaves(self):
        if self.goes_on:
            self.world.settle()

    def service_ends_again_and_again(self, name, times, healthy):
        for _ in range(times):
            if healthy:
                self.world.healthy(name)
            self.world.dies(name)
            self.world.passes(2.0)

    def service_hangs_again_and_again(self, name, times):
        for _ in range(times):
            self.world.healthy(name)
            for seconds in (2.5, 7.5, 15.0):
                self.world.silent(name, seconds)
                self.world.passes(STABLE_AFTER_S)
            self.world.leaves()
            self.world.passes(2.0)

    def service_is_taken_out_and_put_back(self, name, arguments):
        self.world.redefined([one for one in NAMES if one != name], arguments=arguments)
        self.world.redefined(NAMES, arguments=arguments)

    def service_refuses_a_new_config(self, name, content, after_failure):
        """Perhaps just after it has failed: that it goes on with the old config is health that lasts as well."""
        world = self.world
        if after_failure:
            world.dies(name)
            world.healthy(name)
        world.content(name, content)
        while world.checks:
            world.judge()
        self._refused(name)

    def _refused(self, name):
        """A service that refuses a config goes on with the one that it was healthy with; the bus is restarted."""
        world = self.world
        good, new = world.loaded.get(name), world.in_force.get(name)
        is_answer = self.goes_on and name in world.reloading - world.leaving - world.killed - world.full
        world.refuses(name)
        if is_answer and name == "bus":
            assert name in world.leaving
            assert world.in_force[name] == new
        elif is_answer:
            assert world.in_force[name] == good
            assert world.state.get(name).last_good == good
            assert world.phase(name) is Phase.HEALTHY

    def service_fails_with_a_new_config(self, name, content, late):
        """If it was healthy with another one, it goes back to that."""
        world = self.world
        service = world.state.get(name)
        is_trial = self.goes_on and world.phase(name) is Phase.HEALTHY and not (world.full or service.checking)
        good = world.loaded.get(name)
        world.content(name, content)
        while world.checks:
            world.judge()
        if is_trial and content != good and self.goes_on:
            assert world.in_force[name] == content
            world.dies(name)  # while it reloads, or because it was asked to
            assert world.phase(name) is Phase.STARTING
            if late:
                world.passes(START_LIMIT_S)
                world.leaves()
            else:
                world.dies(name)
            assert not self.goes_on or world.in_force[name] == world.loaded[name] == good

    def everything_stops(self):
        self.world.happens(Stopping())

    # ------------------------------------------------------------ the end

    def end(self):
        """All is well if everybody behaves from now on; and after a stop nothing is started, and nothing is left."""
        self._recovers()
        world = self.world
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

    def _recovers(self):
        world = self.world
        if self.goes_on:
            for name in NAMES:
                world.content(name, "valid last")
            world.happens(SupervisordStatus(True))
            world.happens(RecordProblems(()))
            world.settle()
        if self.goes_on:
            services = world.state.services
            assert world.state.healthy
            assert {service.phase for service in services} == {Phase.HEALTHY}
            assert world.alive == {service.name for service in services} == world.wanted
            assert {world.loaded[service.name] for service in services} == {"valid last"}
