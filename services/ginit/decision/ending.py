"""The end of a process: what was asked for, what a new config has caused, and failures. Pure."""

from __future__ import annotations

from dataclasses import replace

from gecholog.backoff import exponential
from services.ginit.decision.actions import RemoveChecksum, Unregister
from services.ginit.decision.starting import start, stay_idle
from services.ginit.decision.state import RUNNING, AfterStop, Phase, ServiceState
from services.ginit.decision.transition import Now, Step, log, put_last_good, roll_back, to_phase

_LONGEST_BACKOFF_S = 10.0  # between two starts


def backoff_s(failures: int) -> float:
    """Seconds to wait before the next start: 0 after one failure, then 0.1, 0.2, 0.4 and so on, up to 10."""
    return 0.0 if failures <= 1 else exponential(failures - 2, 0.1, _LONGEST_BACKOFF_S)


def ended(service: ServiceState, how: str, now: Now) -> Step:
    """The process has ended; its checksum file must not say otherwise."""
    if service.phase not in RUNNING:
        return service, ()
    if service.phase is Phase.STOPPING:
        changed, actions = _stopped(service, now)
    elif service.phase is Phase.STARTING and service.has_unproven_config:
        changed, actions = _rolled_back(service, how, now)
    elif service.phase is Phase.RELOADING:
        changed, actions = start(service, now)
        actions = (log(service, "WARN", "service ended while reloading its config", how=how), *actions)
    else:
        changed, actions = _failed(service, how, now)
    return changed, (RemoveChecksum(service.name), *actions)


def _stopped(service: ServiceState, now: Now) -> Step:
    match service.after_stop:
        case AfterStop.START:
            return start(service, now)
        case AfterStop.BEGIN:
            return to_phase(service, now, Phase.WAITING), ()
        case AfterStop.UNREGISTER:
            return service, (Unregister(service.definition),)


def _rolled_back(service: ServiceState, how: str, now: Now) -> Step:
    """The service does not become healthy with a new config: go back to the last good one."""
    line = log(service, "ERROR", "not healthy with the new config, rolled back to the last good one", reason=how)
    started, actions = start(roll_back(service, how), now)
    return started, (put_last_good(service), line, *actions)


def _failed(service: ServiceState, how: str, now: Now) -> Step:
    """Start the service again, at once or after a pause, unless it has failed too often in a row."""
    failures = service.failures + 1
    how = f"{how}, it sent no heartbeat" if service.killed_at_s else how
    line = log(service, "WARN", "service ended", how=how, failures=failures)
    if now.max_starts and failures > now.max_starts:
        reason = f"it ended {failures} times in a row: {how}"
        changed, actions = stay_idle(to_phase(service, now, Phase.IDLE, failures=failures, reason=reason))
    elif backoff_s(failures) > 0:
        timer_at = now.time + backoff_s(failures)
        changed = to_phase(service, now, Phase.PAUSING, failures=failures, reason=how, timer_at=timer_at)
        actions = ()
    else:
        changed, actions = start(replace(service, failures=failures), now)
    return changed, (line, *actions)
