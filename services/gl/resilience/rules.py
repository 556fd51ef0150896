"""The resilience rules of a router: retries, fallbacks, and the circuit breaker. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.gl.resilience.breaker import BreakerRules
from services.gl.resilience.failures import USUAL, FailOn, fail_on


@dataclass(frozen=True, slots=True)
class ResilienceRules:
    """`retry_after_max` is in seconds. `fallbacks` are router paths. `breaker` is None without a circuit breaker."""

    retries: int = 0
    retry_after_max: float = 30.0
    fallbacks: tuple[str, ...] = ()
    fail_on: FailOn = USUAL
    breaker: BreakerRules | None = None

    @classmethod
    def of(cls, outbound: dict[str, Any]) -> ResilienceRules:
        """The rules in a checked `outbound` of the config file."""
        usual = cls()
        most = outbound.get("retry_after_max_ms")
        return cls(
            retries=outbound.get("retries", usual.retries),
            retry_after_max=usual.retry_after_max if most is None else most / 1000,
            fallbacks=tuple(outbound.get("fallbacks", ())),
            fail_on=fail_on(outbound["fail_on"]) if "fail_on" in outbound else usual.fail_on,
            breaker=BreakerRules.of(outbound["breaker"]) if "breaker" in outbound else None,
        )
