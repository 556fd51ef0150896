"""The answer of a service that was asked to reload its config. Pure."""

from __future__ import annotations

from services.ginit.decision.starting import STABLE_AFTER_S, restart
from services.ginit.decision.state import Phase, RefusedConfig, ServiceState
from services.ginit.decision.transition import Now, Step, checksum_of, log, put_last_good, to_phase

RELOAD_LIMIT_S = 15.0  # to confirm or refuse; then the service is restarted. Services try a new bus for less than this


def confirmed(service: ServiceState, now: Now) -> Step:
    """The config in force is the last good one now."""
    if service.phase is not Phase.RELOADING:
        return service, ()
    known = {"last_good": service.in_force, "failures": 0, "since": service.since}
    healthy = to_phase(service, now, Phase.HEALTHY, **known)
    level = "DEBUG" if service.writes_checksum else "INFO"  # such a service logs it, too
    return healthy, (*checksum_of(healthy), log(service, level, "config is in force", sha256=service.in_force))


def refused(service: ServiceState, reason: str, now: Now) -> Step:
    """The service keeps its config. nats-server cannot change everything at run time, so it is restarted instead."""
    if service.phase is not Phase.RELOADING:
        return service, ()
    if service.definition.is_nats_server:
        restarting, actions = restart(service, now)
        return restarting, (log(service, "INFO", "restarting service, it cannot reload this config"), *actions)
    line = log(service, "ERROR", "config is refused, the last good one stays in force", sha256=service.last_good)
    refusal = RefusedConfig(service.in_force or "", reason or "the service has refused it")
    known = {"in_force": service.last_good, "since": service.since, "refused": refusal}
    healthy = to_phase(service, now, Phase.HEALTHY, **known, timer_at=now.time + STABLE_AFTER_S)
    return healthy, (put_last_good(service), line)


def reload_timed_out(service: ServiceState, now: Now) -> Step:
    """The service has neither confirmed nor refused: start it with the config."""
    restarting, actions = restart(service, now)
    return restarting, (log(service, "WARN", "restarting service, it did not confirm its config"), *actions)
