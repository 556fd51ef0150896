"""The start of a process, until it is healthy. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.ginit.decision.actions import GiveUp, Start, Stop
from services.ginit.decision.state import AfterStop, Phase, ServiceState
from services.ginit.decision.transition import Now, Step, checksum_of, log, put_last_good, roll_back, to_phase

SILENCE_LIMIT_S = 8.0  # without output; then the other services no longer wait for this one
START_LIMIT_S = 30.0  # for a start, however much the service writes meanwhile
DELAY_LIMIT_S = 60.0  # of time that does not count, because the machine kept the process from running
STABLE_AFTER_S = 5.0  # of health; then failures are counted from 0 again


def start(service: ServiceState, now: Now) -> Step:
    """Start the process, with the config that is in force."""
    times = {"since": now.time, "last_output": now.time, "timer_at": now.time + SILENCE_LIMIT_S, "delayed_s": 0.0}
    return to_phase(service, now, Phase.STARTING, **times, starts=service.starts + 1), (Start(service.name),)


def restart(service: ServiceState, now: Now) -> Step:
    """Stop the process, and start it when it has ended."""
    return to_phase(service, now, Phase.STOPPING, after_stop=AfterStop.START, failures=0), (Stop(service.name),)


def restart_wanted(service: ServiceState, reason: str, now: Now) -> Step:
    """Restart a service that runs and does not do its work; one that is changing its phase anyway is left alone."""
    if service.phase is not Phase.HEALTHY:
        return service, ()
    restarting, actions = restart(service, now)
    return restarting, (log(service, "WARN", "restarting service", reason=reason), *actions)


def output_seen(service: ServiceState, now: Now) -> Step:
    """A service that writes something is making progress: extend its timer, up to START_LIMIT_S."""
    if service.phase is not Phase.STARTING or service.is_late:
        return service, ()
    return replace(
        service, last_output=now.time, timer_at=min(now.time + SILENCE_LIMIT_S, service.since + START_LIMIT_S)
    ), ()


def start_delayed(service: ServiceState, seconds: float) -> Step:
    """Extend the limits of a start by time in which the process waited for a CPU or the disk, up to DELAY_LIMIT_S."""
    if service.phase is not Phase.STARTING or service.timer_at is None:
        return service, ()
    more = min(seconds, DELAY_LIMIT_S - service.delayed_s)
    return replace(
        service,
        since=service.since + more,
        last_output=service.last_output + more,
        timer_at=service.timer_at + more,
        delayed_s=service.delayed_s + more,
    ), ()


def became_healthy(service: ServiceState, now: Now, *, writes_checksum: bool) -> Step:
    """The start has succeeded: the config in force is the last good one."""
    if service.phase is not Phase.STARTING:
        return service, ()
    known = {"last_good": service.in_force, "writes_checksum": writes_checksum}
    healthy = to_phase(service, now, Phase.HEALTHY, **known, timer_at=now.time + STABLE_AFTER_S)
    return healthy, (*checksum_of(healthy), log(service, "INFO", "service is healthy", sha256=service.in_force))


def start_timed_out(service: ServiceState, now: Now) -> Step:
    """The start takes too long: go back to the last good config, give up, or start the others without it."""
    reason = f"no healthy output after {round(now.time - service.since + service.delayed_s)} seconds"
    if service.has_unproven_config:
        line = log(
            service, "ERROR", "not healthy with the new config, rolling back to the last good one", reason=reason
        )
        stopping, actions = restart(roll_back(service, reason), now)
        return stopping, (put_last_good(service), line, *actions)
    if service.definition.die_promise and now.time - service.last_output >= SILENCE_LIMIT_S:
        return stay_idle(replace(service, timer_at=None, reason=reason))
    line = log(service, "WARN", "service is not healthy yet, starting the others", reason=reason)
    return replace(service, timer_at=None, is_late=True, reason=reason), (line,)


def stay_idle(service: ServiceState) -> Step:
    """The service is not started again without a new config. With a die promise, that is the end of the appliance."""
    if service.definition.die_promise:
        return service, (GiveUp(f"{service.name} has a die promise and is not healthy: {service.reason}"),)
    return service, (log(service, "WARN", "service stays idle", reason=service.reason),)
