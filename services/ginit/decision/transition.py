"""Building blocks of decisions about one service: the time, the next phase, log lines. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from services.ginit.decision.actions import Action, LogLine, PutInForce, WriteChecksum
from services.ginit.decision.state import SERVING, Phase, RefusedConfig, ServiceState

Step = tuple[ServiceState, tuple[Action, ...]]
"""The service after a decision, and the actions to take."""


@dataclass(frozen=True, slots=True)
class Now:
    """The time of a decision (seconds of a monotonic clock), and how often a service may end in a row (0: no limit)."""

    time: float
    max_starts: int


def to_phase(service: ServiceState, now: Now, phase: Phase, **changes: Any) -> ServiceState:
    """The service in a phase, with `changes` of other fields.

    Unless `changes` set them, the timer, the reason and `is_late` are reset. The time without a heartbeat is kept only
    between phases in which the service serves.
    """
    fresh: dict[str, Any] = {"timer_at": None, "is_late": False, "reason": ""}
    if phase is not service.phase:
        fresh["since"] = now.time
    if not {phase, service.phase} <= SERVING:
        fresh |= {"unresponsive_s": 0.0, "killed_at_s": 0.0}
    return replace(service, phase=phase, **(fresh | changes))


def log(service: ServiceState, level: str, message: str, **fields: object) -> LogLine:
    """A log line about the service."""
    return LogLine(level, message, {"child": service.name} | fields)


def roll_back(service: ServiceState, reason: str) -> ServiceState:
    """The service with its last good config, because of what happened with the one in force."""
    refusal = RefusedConfig(service.in_force or "", f"the service did not become healthy with it: {reason}")
    return replace(service, in_force=service.last_good, refused=refusal)


def put_last_good(service: ServiceState) -> PutInForce:
    """Put the config back with which the service was healthy last."""
    return PutInForce(service.name, service.last_good or "")


def checksum_of(service: ServiceState) -> tuple[WriteChecksum, ...]:
    """Write the checksum file for a service that does not do so itself."""
    return () if service.writes_checksum else (WriteChecksum(service.name, service.in_force or ""),)
