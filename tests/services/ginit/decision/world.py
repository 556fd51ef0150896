"""A world that is made up for ginit's decisions: services that do what a test says.

It carries out the actions that are decided on, and checks each of them, and the state after each event, against what
must always hold. What it knows, it knows from the actions and from what its services do, not from the state.
"""

from pathlib import Path

from services.ginit.config import Definition
from services.ginit.decision.actions import (
    Check,
    GiveUp,
    Kill,
    LogLine,
    PutInForce,
    Reload,
    RemoveChecksum,
    Start,
    Stop,
    Unregister,
    WriteChecksum,
)
from services.ginit.decision.events import (
    BecameHealthy,
    Checked,
    CheckTimedOut,
    Confirmed,
    ContentChanged,
    Ended,
    HeartbeatMissed,
    HeartbeatSeen,
    OutputSeen,
    Redefined,
    Refused,
    TimerFired,
)
from services.ginit.decision.reconcile import decide
from services.ginit.decision.reloading import RELOAD_LIMIT_S
from services.ginit.decision.starting import SILENCE_LIMIT_S, STABLE_AFTER_S, START_LIMIT_S
from services.ginit.decision.state import AfterStop, Appliance, Phase, ServiceState
from services.ginit.decision.undo import undo, without

NAMES = ("bus", "one", "two")


def definition(name, *, die_promise=False, arguments=(), **fields):
    program = "nats-server" if name == "bus" else name
    file = Path(f"/conf/{name}")
    return Definition(
        name, Path(f"/bin/{program}"), "-o", file, arguments, "--validate", "ready", True, die_promise, **fields
    )


class World:
    """Services in_phases NAMES. `promised` have a die promise. Contents that begin with `valid` are valid."""

    def __init__(self, *, max_starts=2, die_promise=False, promised=(), names=NAMES, contents=("valid 0",) * 3):
        self.promised = frozenset(names if die_promise else promised)
        services = tuple(
            ServiceState(definition(name, die_promise=name in self.promised), content=content)
            for name, content in zip(names, contents, strict=True)
        )
        self.state = Appliance(services, max_starts)
        self.now = 0.0
        self.over = False  # the appliance was given up
        self.starts = 0
        # processes
        self.alive = set()
        self.loaded = {}  # the content that the process works with
        self.leaving = set()  # it was asked to end
        self.killed = set()
        self.reloading = set()
        self.reload_at = {}
        self.killed_after = {}  # seconds without a heartbeat
        self.healthy_since = {}
        self.started_at = {}
        self.wrote_at = {}  # at the start of the process, or when it last wrote something before it was healthy
        self.late = set()  # it has written on for so long that its silence does not count any more
        # files
        self.checks = []  # validations that have not ended
        self.judged = set()  # by a program that was called so
        self.judged_valid = set()
        self.in_force = {}
        self.checksums = {}
        self.writers = set()  # those that write their checksum file themselves
        self.full = set()  # services whose config cannot be written
        self.retries = []  # events to handle again
        self.ends_to_handle = set()  # services whose end is one of them
        # promises
        self.wanted = set(names)
        self.had_their_turn = set()
        self.starts_left = {}
        self.starts_since_health = dict.fromkeys(names, 0)  # that lasted for a while

    def happens(self, event):
        """Have an event decided on; returns the actions."""
        before = self.state
        if isinstance(event, Checked):
            self.judged.add((event.name, event.definition.additional_arguments, event.sha256))
        self.state, actions = decide(before, event, self.now)
        if failed := {action.name for action in actions if isinstance(action, PutInForce)} & self.full:
            self.state, actions = undo(before, self.state, failed), without(actions, failed)
            self.retries.append(event)
        if isinstance(event, Ended):
            (self.ends_to_handle.add if failed else self.ends_to_handle.discard)(event.name)
        for action in actions:
            self._do(action, before)
        self._holds()
        return actions

    # ------------------------------------------------------------ what must hold

    def _do(self, action, before):  # noqa: C901 - one case for each action
        ending = self.over or before.stopping
        assert isinstance(action, RemoveChecksum) or not ending, "at the end, nothing is begun any more"
        match action:
            case Check(name, sha256):
                self.checks.append((name, sha256, self.state.get(name).definition))
            case PutInForce(name, sha256):
                assert (name, self._arguments(name), sha256) in self.judged_valid, "only what is valid is put in force"
                self.in_force[name] = sha256
                self._begin_to_count(name)
            case Start(name):
                self._start(name)
            case Kill(name):
                assert name in self.alive
                assert name not in self.leaving, "a service that was asked to end has its time for that"
                self.killed.add(name)
            case WriteChecksum(name, sha256):
                assert name in self.alive, "only a service that lives has a checksum"
                assert sha256 == self.loaded[name] or self.phase(name) is Phase.RELOADING
                self.checksums[name] = sha256
            case RemoveChecksum(name):
                self.checksums.pop(name, None)
            case Stop(name):
                assert name in self.alive or name in self.ends_to_handle
                self.leaving |= {name} & self.alive
                self._begin_to_count(name)
            case Reload(name):
                assert name in self.alive - self.leaving
                self.reloading.add(name)
                self.reload_at[name] = self.now
            case Unregister(one):
                assert one.name not in self.alive
                self.checksums.pop(one.name, None)
            case GiveUp(reason):
                assert any(reason.startswith(f"{name} has a die promise") for name in self.promised)
                self.over = True
            case LogLine(level):
                assert level in {"DEBUG", "INFO", "WARN", "ERROR"}

    def _start(self, name):
        assert name not in self.alive, "never two processes of a service"
        assert name in self.in_force, "a service starts from a config"
        self._in_order(name)
        limit = self.state.max_starts
        assert not limit or self.starts_left.get(name, limit + 1) > 0, "no more starts in a row than allowed"
        self.starts_left[name] = self.starts_left.get(name, limit + 1) - 1
        self.starts += 1
        self.starts_since_health[name] += 1
        self.alive.add(name)
        self.started_at[name] = self.wrote_at[name] = self.now
        self.late.discard(name)
        self.loaded[name] = self.in_force[name]
        self.leaving.discard(name)
        self.killed.discard(name)

    def _in_order(self, name):
        """The first start of a service comes when the start of all before it is over."""
        if name not in self.had_their_turn:
            names = [service.name for service in self.state.services]
            assert all(service.startup_over for service in self.state.services[: names.index(name)])
            self.had_their_turn.add(name)

    def _begin_to_count(self, name):
        """A service that was stopped, gets a config, or has been healthy for a while, has all its starts again."""
        self.starts_left.pop(name, None)

    def _holds(self):
        """What must be so after each event."""
        assert set(self.checksums) <= self.alive, "a checksum file is the sign of a process"
        if self.state.healthy:
            assert {service.name for service in self.state.services} <= set(self.checksums), "healthy with a checksum"
        if self.state.stopping or self.state.given_up:
            assert not self.state.healthy
            assert self.state.timer_at is None, "at the end, nobody waits for a timer"
        else:
            for service in self.state.services:
                self._holds_for(service)

    def _holds_for(self, service):
        if service.phase is Phase.HEALTHY:
            good = self.loaded[service.name]
            assert service.in_force == service.last_good == self.in_force[service.name] == good
            assert service.hangs or self.checksums[service.name] == good
        assert not service.hangs or service.name not in self.checksums, "no checksum without a heartbeat"
        judged = (service.name, service.definition.additional_arguments, service.content) in self.judged
        is_over = service.content == service.last_checked and not (service.checking or service.check_at)
        is_leaving = service.phase is Phase.STOPPING and service.after_stop is AfterStop.UNREGISTER
        assert judged or not is_over or is_leaving or not service.content, "what was not judged is validated again"
        assert not (service.definition.die_promise and service.phase is Phase.IDLE), "a die promise is kept"

    # ------------------------------------------------------------ what a world can do

    def content(self, name, sha256):
        self.happens(ContentChanged(name, sha256))

    def judge(self):
        """Answer the oldest validation."""
        if self.checks:
            name, sha256, called = self.checks.pop(0)
            valid = sha256.startswith("valid")
            if valid:
                self.judged_valid.add((name, called.additional_arguments, sha256))
            service = self.state.get(name)
            is_wanted = service and service.checking == sha256 and called.additional_arguments == self._arguments(name)
            can_reload = name in self.writers | {"bus"} and self.phase(name) is Phase.HEALTHY and name not in self.full
            self.happens(Checked(called, sha256, valid, "" if valid else "is wrong"))
            if valid and is_wanted and can_reload and not self._is_ending():
                assert name in self.reloading, "a service that can reload is not restarted"

    def times_out(self):
        """The oldest validation does not end in time."""
        if self.checks:
            _, sha256, called = self.checks.pop(0)
            self.happens(CheckTimedOut(called, sha256, 60.0))
            service = self.state.get(called.name)
            is_waiting = service and service.phase is Phase.CHECKING and service.check_at is not None
            assert not is_waiting or service.startup_over, "the others do not wait for a validation"

    def _arguments(self, name):
        service = self.state.get(name)
        return service and service.definition.additional_arguments

    def writes(self, name):
        """A process that has not become healthy yet writes something."""
        if name in self.alive:
            self.wrote_at[name] = self.now
            self.happens(OutputSeen(name))

    def healthy(self, name, *, writes_checksum=True):
        if name in self.alive - self.killed:
            itself = writes_checksum and name != "bus"
            if self.phase(name) is Phase.STARTING:
                (self.writers.add if itself else self.writers.discard)(name)
                self._shows(name)
                self.healthy_since[name] = self.now
            self.happens(BecameHealthy(name, itself))

    def phase(self, name):
        service = self.state.get(name)
        return service and service.phase

    def _shows(self, name):
        """What a service does by itself: it writes its checksum file."""
        if name in self.writers & self.alive:
            self.checksums[name] = self.loaded[name]

    def silent(self, name, seconds):
        """A service has not responded for so many seconds. If that is less than before, it has responded in between."""
        if name in self.alive:
            if (service := self.state.get(name)) and service.unresponsive_s > seconds:
                self.sends_heartbeat(name)
            if (service := self.state.get(name)) and service.unresponsive_s <= seconds:
                self.healthy_since.pop(name, None)
                actions = self.happens(HeartbeatMissed(name, seconds))
                if Kill(name) in actions:
                    limit = service.definition.hang_timeout
                    assert seconds - self.killed_after.get(name, 0.0) >= limit, "a process has time to respond again"
                    self.killed_after[name] = seconds

    def sends_heartbeat(self, name):
        if name in self.alive - self.killed and (service := self.state.get(name)) and service.unresponsive_s:
            self._shows(name)
            self.healthy_since[name] = self.now
            self.killed_after.pop(name, None)
            self.happens(HeartbeatSeen(name))

    def dies(self, name, how="exit code 1"):
        if name in self.alive:
            self.alive.discard(name)
            for known in (self.leaving, self.reloading, self.killed):
                known.discard(name)
            for known in (self.healthy_since, self.killed_after, self.reload_at):
                known.pop(name, None)
            self.happens(Ended(name, how))  # ginit removes its checksum file
            if self.phase(name) is Phase.IDLE and not self._is_ending():
                assert self.starts_since_health[name] >= self.state.max_starts, "a service is not given up early"

    def dies_once_more(self, name):
        """supervisord reports an end that is known already."""
        if name not in self.alive:
            self.happens(Ended(name, "unknown"))

    def leaves(self):
        """Those that were asked to end, or were killed, do so."""
        for name in sorted(self.leaving | self.killed):
            self.dies(name)

    def answers(self, name, event):
        """A service that was asked to reload says what came of it: `event` is Confirmed or Refused."""
        if name in self.reloading:
            self.sends_heartbeat(name)
            self.reloading.discard(name)
            self.reload_at.pop(name, None)
            if name not in self.killed:
                if event is Confirmed:
                    self.loaded[name] = self.in_force[name]
                    self._begin_to_count(name)
                    self.starts_since_health[name] = 0
                self.healthy_since[name] = self.now
                self._shows(name)
                self.happens(event(name))

    def confirms(self, name):
        self.answers(name, Confirmed)

    def refuses(self, name):
        self.answers(name, Refused)

    def redefined(self, names, *, arguments=(), content="valid 0"):
        """ginit gets another config, with these services."""
        known = tuple(
            (definition(name, die_promise=name in self.promised, arguments=arguments), content) for name in names
        )
        for name in names:
            self._begin_to_count(name)
        if not self._is_ending():
            self.wanted = set(names)
        return self.happens(Redefined(known, self.state.max_starts))

    def again(self):
        """What could not be done is tried again."""
        events, self.retries = self.retries, []
        for event in events:
            self.happens(event)

    def passes(self, seconds):
        self.now += seconds
        for name, since in self.healthy_since.items():
            if self.now - since >= STABLE_AFTER_S:
                self._begin_to_count(name)
                if self.phase(name) is Phase.HEALTHY:
                    self.starts_since_health[name] = 0
        self.happens(TimerFired())
        if not self.retries:
            assert self.state.timer_at is None or self.state.timer_at > self.now, "a timer does not fire at once again"
        for name in self.alive - self.leaving:
            self._starts_in_time(name)
            assert self.now - self.reload_at.get(name, self.now) < RELOAD_LIMIT_S or self.retries or self._is_ending()

    def _is_ending(self):
        return self.over or self.state.stopping

    def _starts_in_time(self, name):
        """A service that starts and writes nothing is not waited for; with a die promise, the appliance ends."""
        if self._is_ending() or name in self.full or self.phase(name) is not Phase.STARTING:
            return
        is_silent = self.now - self.wrote_at[name] >= SILENCE_LIMIT_S
        if is_silent or self.now - self.started_at[name] >= START_LIMIT_S:
            assert self.state.get(name).startup_over, "the others do not wait for ever"
            assert not is_silent or name not in self.promised or name in self.late, "a die promise is kept"
            self.late.add(name)

    def settle(self):
        """Everybody behaves from now on, the disk has room, and time passes."""
        self.full.clear()
        for _ in range(100):
            self.again()
            while self.checks:
                self.judge()
            self.leaves()
            for name in list(self.reloading):
                self.confirms(name)
            for name in sorted(self.alive):
                self.healthy(name)
                self.sends_heartbeat(name)
            self.passes(STABLE_AFTER_S)
            if self.state.healthy and self.state.timer_at is None and not self.checks:
                return

    def begun(self):
        self.happens(TimerFired())
        self.settle()
        return self

    def in_phases(self, *phases):
        """The services in these phases whose processes live."""
        return sorted(self.alive & {service.name for service in self.state.services if service.phase in phases})
