"""How a target is: in, out, or being probed. A circuit breaker without a clock of its own.

    in ──failure──> out ──its time is over, one call is sent──> probing ──success──> in
                     ^                                             │
                     └───────────────── failure ───────────────────┘

Times are seconds of any steady clock, given by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

_SLACK = 1.0  # seconds; calls under way together fail one after the other, and each would put the time off a little


class State(StrEnum):
    """What a target is good for. A target that is in has no Health: only trouble is kept."""

    OUT = "out"
    PROBING = "probing"


@dataclass(frozen=True, slots=True)
class Health:
    """A target that is not in. `until`: then it may be probed, or the probe that has not reported is given up."""

    state: State
    until: float
    reason: str = ""

    def is_due(self, now: float) -> bool:
        """Tell whether a call may be sent to see if the target works again."""
        return now >= self.until


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed. `retry_after` is in seconds, None if the target did not say."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things take, in seconds, and how many failures in a row put a target out."""

    out: float = 600.0
    longest_retry_after: float = 3600.0
    probe: float = 60.0
    failures: int = 1

    @property
    def longest(self) -> float:
        """No target stays out, or in the hands of a probe, for longer than this."""
        return max(self.out, self.longest_retry_after, self.probe)


def after_failure(health: Health | None, failure: Failure, limits: Limits, now: float) -> Health:
    """A target after a failure that counts.

    One that is out already (calls that were under way fail, too) stays as it is, unless it asks for more time.
    """
    asked = failure.retry_after
    until = now + (limits.out if asked is None else min(asked, limits.longest_retry_after))
    if health is not None and health.state is State.OUT and not health.is_due(now):
        return replace(health, until=until) if asked is not None and until > health.until + _SLACK else health
    return Health(State.OUT, until, failure.reason)


def probed(health: Health | None, limits: Limits, now: float) -> Health:
    """A target to which one call is sent; if that never reports, another may be sent in time."""
    return Health(State.PROBING, now + limits.probe, health.reason if health else "")
