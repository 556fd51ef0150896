"""A check of the property tests of ginit's decisions: each of these mistakes in the code must be found by them.

    make mutants

For each mutant, a child process imports `services.ginit.decision` with one piece of text replaced, and plays the same
random sequences as `test_properties`. Prints the mutants that none of them found; the exit code is then 1. If you
change a piece of text that is listed here, change the list as well (`test_mutants` tells which).
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tests.services.ginit.decision.test_properties import SCENARIOS

_PACKAGE = "services.ginit.decision"
_FOLDER = Path(__file__).parents[4] / "services" / "ginit" / "decision"
_LIMIT_S = 120  # a mutant that takes longer never ends, which is found as well
_FOUND, _NOT_FOUND, _BROKEN = 0, 10, 11


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: `old` is replaced by `new` in a module of the decisions, and `effect` is what comes of it."""

    module: str
    old: str
    new: str
    effect: str

    @property
    def file(self):
        return _FOLDER / f"{self.module}.py"

    @property
    def source(self):
        """The code with the mistake in it."""
        return self.file.read_text("utf-8").replace(self.old, self.new)


MUTANTS = (
    # ------------------------------------------------------------ ending
    Mutant("ending", "if service.phase not in RUNNING:", "if False:", "an end is counted that was counted already"),
    Mutant(
        "ending",
        "return changed, (RemoveChecksum(service.name), *actions)",
        "return changed, actions",
        "a dead service keeps its checksum file",
    ),
    Mutant("ending", "failures > now.max_starts", "failures > now.max_starts + 1", "one start too many"),
    Mutant("ending", "failures = service.failures + 1", "failures = 1", "failures in a row are not counted"),
    Mutant(
        "ending",
        "case AfterStop.UNREGISTER:\n            return service, (Unregister(service.definition),)",
        "case AfterStop.UNREGISTER:\n            return start(service, now)",
        "a service that was removed is started again",
    ),
    Mutant(
        "ending",
        "Phase.STARTING and service.has_unproven_config",
        "Phase.STARTING and False",
        "a config that the service does not start with stays in force",
    ),
    Mutant(
        "ending",
        "started, actions = start(roll_back(service, how), now)",
        "started, actions = start(service, now)",
        "a roll-back without going back",
    ),
    # ------------------------------------------------------------ starting
    Mutant("starting", "if service.definition.die_promise:", "if False:", "a die promise is not kept when idle"),
    Mutant(
        "starting",
        "if service.definition.die_promise and now.time",
        "if False and now.time",
        "a die promise is not kept by a service that never becomes healthy",
    ),
    Mutant(
        "starting",
        'known = {"last_good": service.in_force, "writes_checksum": writes_checksum}',
        'known = {"writes_checksum": writes_checksum}',
        "a healthy service has no last good config",
    ),
    Mutant(
        "starting",
        "return healthy, (*checksum_of(healthy), log(",
        "return healthy, (log(",
        "a healthy service has no checksum file",
    ),
    Mutant(
        "starting",
        "if service.phase is not Phase.STARTING:\n        return service, ()\n    known",
        "known",
        "the healthy output of a service that is asked to end makes it healthy",
    ),
    Mutant(
        "starting",
        "after_stop=AfterStop.START, failures=0), (Stop(service.name),)",
        "after_stop=AfterStop.START, failures=0), (Start(service.name),)",
        "two processes of one service",
    ),
    Mutant(
        "starting",
        "stopping, actions = restart(roll_back(service, reason), now)",
        "stopping, actions = start(roll_back(service, reason), now)",
        "two processes of a service that takes too long",
    ),
    Mutant(
        "starting",
        "replace(service, timer_at=None, is_late=True, reason=reason)",
        "replace(service, timer_at=None, reason=reason)",
        "the others wait for ever",
    ),
    Mutant(
        "starting",
        "if service.phase is not Phase.HEALTHY:\n        return service, ()\n    restarting",
        "restarting",
        "a service that is asked to end is asked again",
    ),
    # ------------------------------------------------------------ config_file
    Mutant(
        "config_file",
        "return service.checking == event.sha256 and same_command",
        "return service.checking == event.sha256",
        "a validation counts although the program is called otherwise now",
    ),
    Mutant("config_file", "if event.valid:", "if True:", "an invalid config is put in force"),
    Mutant(
        "config_file",
        'return changed, (PutInForce(service.name, service.in_force or ""), *actions)',
        "return changed, actions",
        "a valid config is not put in force",
    ),
    Mutant(
        "config_file",
        "actions = (Reload(service.name),)",
        "actions = ()",
        "a service is not asked to reload",
    ),
    Mutant(
        "config_file",
        "case Phase.HEALTHY | Phase.STARTING:",
        "case Phase.STARTING:",
        "a service that cannot reload keeps its old config",
    ),
    Mutant(
        "config_file",
        "or service.content == service.last_checked",
        "or service.content != service.last_checked",
        "new configs are not validated",
    ),
    Mutant(
        "config_file",
        "idle, actions = stay_idle(to_phase(",
        "idle, actions = (lambda one: (one, ()))(to_phase(",
        "a die promise is not kept if the config is invalid",
    ),
    Mutant(
        "config_file",
        "return replace(service, check_at=None, last_checked=None)",
        "return replace(service, check_at=None)",
        "a validation that ran out of time is not tried again",
    ),
    Mutant(
        "config_file",
        "check_at=now.time + pause_s,",
        "check_at=None,",
        "a validation that ran out of time counts",
    ),
    Mutant(
        "config_file",
        "if service.check_at is None or now.time < service.check_at:",
        "if True:",
        "a pause between validations does not end",
    ),
    Mutant("config_file", "is_late=True, reason=_TOO_SLOW", "reason=_TOO_SLOW", "the others wait for a validation"),
    # ------------------------------------------------------------ reloading
    Mutant(
        "reloading",
        'known = {"last_good": service.in_force, "failures": 0, "since": service.since}',
        'known = {"failures": 0, "since": service.since}',
        "a config that was reloaded is not the last good one",
    ),
    Mutant(
        "reloading",
        '{"in_force": service.last_good, "since"',
        '{"since"',
        "a config that the service refused stays in force",
    ),
    Mutant(
        "reloading",
        "(put_last_good(service), line)",
        "(line,)",
        "a refused config is what the next start takes",
    ),
    Mutant(
        "reloading",
        "**known, timer_at=now.time + STABLE_AFTER_S)",
        "**known)",
        "failures from before a refused reload count for ever",
    ),
    Mutant(
        "reloading",
        "return healthy, (*checksum_of(healthy), log(",
        "return healthy, (log(",
        "the checksum file names the config before",
    ),
    Mutant(
        "reloading",
        "if service.definition.is_nats_server:",
        "if False:",
        "nats-server is not restarted for what it cannot reload",
    ),
    # ------------------------------------------------------------ heartbeat
    Mutant(
        "heartbeat",
        "actions = (RemoveChecksum(service.name), line)",
        "actions = (line,)",
        "a service that hangs keeps its checksum file",
    ),
    Mutant(
        "heartbeat",
        'return changed, (WriteChecksum(service.name, service.last_good or ""), line)',
        "return changed, (line,)",
        "a service that goes on has no checksum file",
    ),
    Mutant("heartbeat", "killed_at_s=seconds)", "killed_at_s=0.0)", "a service that was killed is not given up"),
    Mutant(
        "heartbeat",
        "if service.phase not in SERVING:\n        return service, ()\n    changed = replace(service, unresp",
        "changed = replace(service, unresp",
        "a service that is asked to end is killed for not responding",
    ),
    # ------------------------------------------------------------ step, transition, state
    Mutant("step", "return start(service, now)", "return service, ()", "no start after a pause"),
    Mutant("step", "return reload_timed_out(service, now)", "return service, ()", "a reload without an answer"),
    Mutant(
        "step",
        "return replace(service, failures=0, timer_at=None)",
        "return replace(service, timer_at=None)",
        "failures of long ago count",
    ),
    Mutant(
        "step",
        "    if service.unresponsive_s:\n        return replace(service, timer_at=now.time + STABLE_AFTER_S)\n",
        "",
        "a service that hangs again and again is started for ever",
    ),
    Mutant(
        "transition",
        'fresh |= {"unresponsive_s": 0.0, "killed_at_s": 0.0}',
        "pass",
        "a new process is taken for one that hangs",
    ),
    Mutant("transition", "in_force=service.last_good, refused", "refused", "a roll-back keeps the config"),
    Mutant(
        "transition",
        'return PutInForce(service.name, service.last_good or "")',
        'return PutInForce(service.name, service.in_force or "")',
        "a roll-back puts the config in force that failed",
    ),
    Mutant("state", "if self.stopping or self.given_up:", "if False:", "timers fire while everything ends"),
    Mutant("state", "if self.hangs else", "if False else", "an appliance is healthy while a service hangs"),
    Mutant(
        "state",
        'ending = ("the appliance is being stopped",) if self.stopping else ()',
        "ending = ()",
        "an appliance is healthy while it ends",
    ),
    Mutant(
        "state",
        'supervisord = () if self.supervisord_responds else ("supervisord does not respond",)',
        'supervisord = () if not self.supervisord_responds else ("supervisord does not respond",)',
        "an appliance is unhealthy though supervisord responds",
    ),
    # ------------------------------------------------------------ reconcile
    Mutant(
        "reconcile",
        "if appliance.stopping or appliance.given_up:",
        "if appliance.given_up:",
        "services are started while everything ends",
    ),
    Mutant("reconcile", "first=ahead == 0", "first=True", "services do not wait for those before them"),
    Mutant(
        "reconcile",
        "actions[: place + 1]",
        "actions",
        "something is begun after the appliance was given up",
    ),
    Mutant(
        "reconcile",
        "appliance.without(name) if unregistered else appliance.put(changed)",
        "appliance.put(changed)",
        "a service that was removed is not healthy",
    ),
    Mutant(
        "reconcile",
        "return [leaving], (line, Stop(service.name))",
        "return [], (line, Unregister(service.definition))",
        "the process of a service that was removed goes on",
    ),
    Mutant(
        "reconcile",
        "(line, Stop(service.name)) if service.phase is not Phase.STOPPING else (line,)",
        "(line,)",
        "a service that is defined anew is not asked to end",
    ),
    Mutant(
        "reconcile",
        "service.definition.command_line == definition.command_line and not is_leaving",
        "service.definition.command_line == definition.command_line",
        "a service that is removed and put back does not come back",
    ),
    Mutant(
        "reconcile",
        "services=tuple(wanted), max_starts",
        "max_starts",
        "a new config of ginit changes nothing",
    ),
    # ------------------------------------------------------------ undo
    Mutant("undo", "after = after.put(service)", "pass", "a config that could not be written counts as in force"),
    Mutant("undo", "if _belongs_to(action) not in names", "if True", "a process is started without its config"),
)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from other source."""

    def __init__(self, name, mutant):
        super().__init__(name, str(mutant.file))
        self._mutant = mutant

    def get_code(self, fullname):
        return self.source_to_code(self._mutant.source, str(self._mutant.file))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant):
        self._mutant = mutant

    def find_spec(self, fullname, path, target=None):
        if fullname != f"{_PACKAGE}.{self._mutant.module}":
            return None
        return importlib.util.spec_from_loader(fullname, _Loader(fullname, self._mutant))


def is_found(mutant, scenarios=SCENARIOS):
    """Whether one of so many sequences finds the mistake. Raises RuntimeError if the mutant is no code."""
    if (pid := os.fork()) == 0:
        code = _BROKEN
        try:
            signal.alarm(_LIMIT_S)
            code = _child(mutant, scenarios)
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == _BROKEN:
        raise RuntimeError(f"the mutant cannot be imported: {mutant}")
    return code != _NOT_FOUND


def _child(mutant, scenarios):
    for name in [name for name in sys.modules if name.startswith((_PACKAGE, "tests.services.ginit.decision."))]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(mutant))
    from tests.services.ginit.decision.test_properties import sequences  # noqa: PLC0415 - with the mistake in it

    found = any(scenario.fails() for scenario in islice(sequences(), scenarios))
    return _FOUND if found else _NOT_FOUND


def main():
    """Try all mutants; returns the exit code."""
    missed = []
    for number, mutant in enumerate(MUTANTS, 1):
        found = is_found(mutant)
        missed += [] if found else [mutant]
        sys.stdout.write(f"{number:3} {'found    ' if found else 'NOT FOUND'} {mutant.module}: {mutant.effect}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(MUTANTS) - len(missed)} of {len(MUTANTS)} mutants found\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
