"""What to do next about one service: (the service, what happened, the time) → (the service now, what to do). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.ginit.decision.events import (
    NOT_THERE,
    Action,
    BecameHealthy,
    Check,
    Checked,
    Confirmed,
    ContentChanged,
    Ended,
    Forget,
    GiveUp,
    HeartbeatMissed,
    HeartbeatSeen,
    LogLine,
    OutputSeen,
    PutInForce,
    Refused,
    Reload,
    RemoveChecksum,
    RestartWanted,
    ServiceEvent,
    Start,
    Stop,
    TimerFired,
    WriteChecksum,
)
from services.ginit.decision.heartbeat import heartbeat_missed, heartbeat_seen
from services.ginit.decision.state import RUNNING, SERVING, AfterStop, Phase, Service

SILENT = 8.0  # seconds without a word after which a service that is starting is no longer waited for
LATE = 30.0  # seconds for a start, however much the service says meanwhile
RELOADED_WITHIN = 15.0  # seconds to confirm or refuse a reload, more than services give another bus; then a restart
STABLE = 5.0  # seconds of health after which starts are counted anew
_LONGEST_PAUSE = 10.0  # seconds between two starts

Step = tuple[Service, tuple[Action, ...]]


@dataclass(frozen=True, slots=True)
class Now:
    """The time of a decision (seconds of a monotonic clock), and how often a service may end in a row (0: no limit)."""

    time: float
    max_starts: int


def take(service: Service, event: ServiceEvent | TimerFired, now: Now) -> Step:  # noqa: C901, PLR0911 - one line for each event
    """Take in an event that concerns this service."""
    match event:
        case ContentChanged():
            return _content(service, event.sha256, event.missing)
        case Checked():
            return _checked(service, event, now)
        case OutputSeen():
            return _output_seen(service, now)
        case BecameHealthy(writes_checksum=writes_checksum):
            return _healthy(service, now, writes_checksum=writes_checksum)
        case Confirmed():
            return _confirmed(service, now)
        case Refused():
            return _refused(service, now)
        case RestartWanted(reason=reason):
            return _renewed(service, reason, now)
        case HeartbeatMissed(seconds=seconds):
            return heartbeat_missed(service, seconds)
        case HeartbeatSeen():
            return heartbeat_seen(service)
        case Ended(how=how):
            return _ended(service, how, now)
        case TimerFired():
            return _timer_fired(service, now)


def look(service: Service) -> Step:
    """Validate what the config file holds, if it is new and the service can be seen to now."""
    busy = service.phase in {Phase.WAITING, Phase.CHECKING, Phase.RELOADING, Phase.STOPPING}
    if busy or service.checking or service.content is None or service.content == service.last_checked:
        return service, ()
    if service.content == service.in_force and service.phase is not Phase.IDLE:
        return replace(service, last_checked=service.content), ()
    return _check(service)


def begin(service: Service, now: Now) -> Step:
    """The service's turn comes nearer: its config is validated."""
    if service.content is None:
        return _at_rest(_to(service, now, Phase.IDLE, reason=f"the config file {service.missing or NOT_THERE}"))
    return _check(_to(service, now, Phase.CHECKING))


def pause(failures: int) -> float:
    """Seconds to wait before the next start, after so many that did not last: none, then 0.1, 0.2, 0.4 and so on."""
    return 0.0 if failures <= 1 else min(0.1 * 2.0 ** min(failures - 2, 10), _LONGEST_PAUSE)


# ---------------------------------------------------------------------------- the config file


def _check(service: Service) -> Step:
    content = service.content or ""
    return replace(service, checking=content, last_checked=content), (Check(service.name, content),)


def _content(service: Service, sha256: str | None, missing: str) -> Step:
    if sha256 is not None:
        # written again as it was, and not in force: what stood against it may be gone
        again = sha256 == service.content == service.last_checked and not service.checking
        last_checked = (
            None if again and (sha256 != service.in_force or service.phase is Phase.IDLE) else service.last_checked
        )
        is_back = sha256 == service.in_force and service.content not in (None, sha256)
        file = str(service.definition.configuration_file)
        said = _say(service, "INFO", "config file is the one in force again", file=file, sha256=sha256)
        return replace(service, content=sha256, missing="", last_checked=last_checked), (said,) if is_back else ()
    if service.missing == missing:
        return service, ()
    file = str(service.definition.configuration_file)
    if missing == NOT_THERE:
        said = _say(service, "WARN", "config file is gone, nothing changes", file=file)
    else:
        said = _say(service, "ERROR", "config file is not read, nothing changes", file=file, reason=f"it {missing}")
    return replace(service, missing=missing), (said,)


def _checked(service: Service, event: Checked, now: Now) -> Step:
    if service.checking != event.sha256:  # of a definition that is no more
        return service, ()
    service = replace(service, checking=None)
    if event.valid:
        return _valid(replace(service, in_force=event.sha256), now)
    file = str(service.definition.configuration_file)
    if service.phase is not Phase.CHECKING:
        kept = {"consequence": "the last good one stays in force"} if service.in_force else {}
        return service, (_say(service, "ERROR", "config is not valid", file=file, sha256=event.sha256, **kept),)
    said = _say(service, "ERROR", "config is not valid", file=file, sha256=event.sha256)
    idle, actions = _at_rest(_to(service, now, Phase.IDLE, reason="the config is not valid"))
    return idle, (said, *actions)


def _valid(service: Service, now: Now) -> Step:
    """A content that may be put in force; how depends on what the service does now."""
    changed: Service = service
    actions: tuple[Action, ...] = ()
    match service.phase:
        case Phase.CHECKING:
            changed = _to(service, now, Phase.READY)
        case Phase.IDLE if not service.starts:  # mended before its turn has come
            changed = _to(service, now, Phase.READY)
        case Phase.IDLE | Phase.PAUSING:
            changed, actions = start(replace(service, failures=0), now)
        case Phase.HEALTHY if service.can_reload:
            changed = _to(service, now, Phase.RELOADING, since=service.since, timer_at=now.time + RELOADED_WITHIN)
            actions = (Reload(service.name),)
        case Phase.HEALTHY | Phase.STARTING:
            changed, actions = _restart(service, now)
        case _:
            pass  # its next start takes the file that is in force
    return changed, (PutInForce(service.name, service.in_force or ""), *actions)


def _put_good(service: Service) -> PutInForce:
    return PutInForce(service.name, service.last_good or "")


# ---------------------------------------------------------------------------- starting


def start(service: Service, now: Now) -> Step:
    """Start the process, with the file that is in force."""
    times = {"since": now.time, "last_output": now.time, "timer_at": now.time + SILENT}
    started = _to(service, now, Phase.STARTING, **times, starts=service.starts + 1)
    return started, (Start(service.name),)


def _restart(service: Service, now: Now) -> Step:
    return _to(service, now, Phase.STOPPING, then=AfterStop.START, failures=0), (Stop(service.name),)


def _renewed(service: Service, reason: str, now: Now) -> Step:
    if service.phase is not Phase.HEALTHY:  # it is on its way to something else already
        return service, ()
    restarting, actions = _restart(service, now)
    return restarting, (_say(service, "WARN", "service is restarted", reason=reason), *actions)


def _output_seen(service: Service, now: Now) -> Step:
    if service.phase is not Phase.STARTING or service.is_late:
        return service, ()
    return replace(service, last_output=now.time, timer_at=min(now.time + SILENT, service.since + LATE)), ()


def _healthy(service: Service, now: Now, *, writes_checksum: bool) -> Step:
    if service.phase is not Phase.STARTING:
        return service, ()
    healthy = _to(
        service,
        now,
        Phase.HEALTHY,
        last_good=service.in_force,
        writes_checksum=writes_checksum,
        timer_at=now.time + STABLE,
    )
    return healthy, (*_checksum_for(healthy), _say(service, "INFO", "service is healthy", sha256=service.in_force))


def _checksum_for(service: Service) -> tuple[Action, ...]:
    return () if service.writes_checksum else (WriteChecksum(service.name, service.in_force or ""),)


# ---------------------------------------------------------------------------- reloading


def _confirmed(service: Service, now: Now) -> Step:
    if service.phase is not Phase.RELOADING:
        return service, ()
    healthy = _to(service, now, Phase.HEALTHY, last_good=service.in_force, failures=0, since=service.since)
    level = "DEBUG" if service.writes_checksum else "INFO"  # such a service says it, too
    return healthy, (*_checksum_for(healthy), _say(service, level, "config is in force", sha256=service.in_force))


def _refused(service: Service, now: Now) -> Step:
    if service.phase is not Phase.RELOADING:
        return service, ()
    if service.definition.is_nats_server:  # it cannot change everything while it runs, its port for one
        restarting, actions = _restart(service, now)
        return restarting, (_say(service, "INFO", "service is restarted, it cannot reload this config"), *actions)
    said = _say(service, "ERROR", "config is refused, the last good one stays in force", sha256=service.last_good)
    kept = _to(service, now, Phase.HEALTHY, in_force=service.last_good, since=service.since)
    return kept, (_put_good(service), said)


# ---------------------------------------------------------------------------- ending


def _ended(service: Service, how: str, now: Now) -> Step:
    if service.phase not in RUNNING:
        return service, ()
    if service.phase is Phase.STOPPING:
        ended, actions = _stopped(service, now)
    elif service.phase is Phase.STARTING and service.on_trial:
        ended, actions = _rolled_back(service, how, now)
    elif service.phase is Phase.RELOADING:
        ended, actions = start(service, now)
        actions = (_say(service, "WARN", "service ended while it took a new config", how=how), *actions)
    else:
        ended, actions = _failed(service, how, now)
    return ended, (RemoveChecksum(service.name), *actions)


def _stopped(service: Service, now: Now) -> Step:
    match service.then:
        case AfterStop.START:
            return start(service, now)
        case AfterStop.BEGIN:
            return _to(service, now, Phase.WAITING), ()
        case AfterStop.FORGET:
            return service, (Forget(service.definition),)


def _rolled_back(service: Service, how: str, now: Now) -> Step:
    """A new config that the service does not get healthy with: the last good one is tried again."""
    said = _say(service, "ERROR", "not healthy with the new config, the last good one is in force again", reason=how)
    started, actions = start(replace(service, in_force=service.last_good), now)
    return started, (_put_good(service), said, *actions)


def _failed(service: Service, how: str, now: Now) -> Step:
    failures = service.failures + 1
    how = f"{how}, it gave no sign of life" if service.killed_at_s else how
    said = _say(service, "WARN", "service ended", how=how, failures=failures)
    if now.max_starts and failures > now.max_starts:
        reason = f"it ended {failures} times in a row: {how}"
        changed, actions = _at_rest(_to(service, now, Phase.IDLE, failures=failures, reason=reason))
    elif pause(failures) > 0:
        timer_at = now.time + pause(failures)
        changed, actions = _to(service, now, Phase.PAUSING, failures=failures, reason=how, timer_at=timer_at), ()
    else:
        changed, actions = start(replace(service, failures=failures), now)
    return changed, (said, *actions)


def _at_rest(idle: Service) -> Step:
    """A service that is not going to run by itself: with a die promise that is the end of the appliance."""
    if idle.definition.die_promise:
        return idle, (GiveUp(f"{idle.name} has a die promise and is not healthy: {idle.reason}"),)
    return idle, (_say(idle, "WARN", "service stays idle", reason=idle.reason),)


# ---------------------------------------------------------------------------- time


def _timer_fired(service: Service, now: Now) -> Step:
    if service.timer_at is None or now.time < service.timer_at:
        return service, ()
    match service.phase:
        case Phase.PAUSING:
            return start(service, now)
        case Phase.HEALTHY:
            return _lasting(service, now), ()
        case Phase.RELOADING:
            restarting, actions = _restart(service, now)
            return restarting, (_say(service, "WARN", "service is restarted, it did not confirm its config"), *actions)
        case Phase.STARTING:
            return _overdue(service, now)
        case _:
            return replace(service, timer_at=None), ()


def _lasting(service: Service, now: Now) -> Service:
    """A service that has been healthy for a while begins anew; one that is silent has to prove it first."""
    return (
        replace(service, timer_at=now.time + STABLE)
        if service.unresponsive_s
        else replace(service, failures=0, timer_at=None)
    )


def _overdue(service: Service, now: Now) -> Step:
    reason = f"no healthy output after {round(now.time - service.since)} seconds"
    if service.on_trial:
        said = _say(service, "ERROR", "not healthy with the new config, the last good one is next", reason=reason)
        stopping, actions = _restart(replace(service, in_force=service.last_good), now)
        return stopping, (_put_good(service), said, *actions)
    if service.definition.die_promise and now.time - service.last_output >= SILENT:
        return _at_rest(replace(service, timer_at=None, reason=reason))
    said = _say(service, "WARN", "service is not healthy yet, the others go on", reason=reason)
    return replace(service, timer_at=None, is_late=True, reason=reason), (said,)


# ---------------------------------------------------------------------------- small things


def _to(service: Service, now: Now, phase: Phase, **changes: object) -> Service:
    """The service in a phase that has nothing to wait for, unless `changes` say otherwise."""
    fresh: dict[str, object] = {"timer_at": None, "is_late": False, "reason": ""}
    if phase is not service.phase:
        fresh["since"] = now.time
    if not {phase, service.phase} <= SERVING:
        fresh |= {"unresponsive_s": 0.0, "killed_at_s": 0.0}
    return replace(service, phase=phase, **(fresh | changes))  # type: ignore[arg-type]


def _say(service: Service, level: str, message: str, **fields: object) -> LogLine:
    return LogLine(level, message, {"child": service.name} | fields)
