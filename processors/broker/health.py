"""The health of one target: a circuit breaker without a clock of its own.

    closed ──failures──> open ──time is over, one call probes──> half-open ──success──> closed
                          ^                                          │
                          └───────────────── failure ────────────────┘

Times are in seconds of a monotonic clock that the caller passes in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

# Seconds. Concurrent calls fail one after the other, and each would postpone the time a little.
_SLACK = 1.0


class BreakerState(StrEnum):
    """State of a circuit breaker that is not closed, with its value in the key-value bucket.

    A target whose breaker is closed has no Health.
    """

    OPEN = "out"
    HALF_OPEN = "probing"


@dataclass(frozen=True, slots=True)
class Health:
    """The circuit breaker of a target that is not closed.

    At `half_open_at`, an open breaker may be probed, and the probe of a half-open one is abandoned.
    """

    state: BreakerState
    half_open_at: float
    reason: str = ""

    def may_probe(self, now: float) -> bool:
        """Tell whether a call may probe the target."""
        return now >= self.half_open_at


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed. `retry_after` is in seconds, or None if the target did not send it."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a circuit breaker opens, and for how long. Times are in seconds."""

    open_s: float = 600.0
    max_retry_after_s: float = 3600.0
    probe_timeout_s: float = 60.0
    failure_threshold: int = 1

    @property
    def max_open_s(self) -> float:
        """The longest time that a circuit breaker can stay open or half-open."""
        return max(self.open_s, self.max_retry_after_s, self.probe_timeout_s)


def after_failure(health: Health | None, failure: Failure, policy: BreakerPolicy, now: float) -> Health:
    """Return the health of a target after a failure that opens its breaker.

    If the breaker is open already, the failure of a call that was in flight changes it only to extend its time.
    """
    asked = failure.retry_after
    half_open_at = now + (policy.open_s if asked is None else min(asked, policy.max_retry_after_s))
    if health is not None and health.state is BreakerState.OPEN and not health.may_probe(now):
        extends = asked is not None and half_open_at > health.half_open_at + _SLACK
        return replace(health, half_open_at=half_open_at) if extends else health
    return Health(BreakerState.OPEN, half_open_at, failure.reason)


def half_open(health: Health | None, policy: BreakerPolicy, now: float) -> Health:
    """Return the health of a target while a call probes it. If the probe never reports, another may follow later."""
    return Health(BreakerState.HALF_OPEN, now + policy.probe_timeout_s, health.reason if health else "")
