"""Failover: decides whether an attempt has failed, and whether there is time for another one. Pure.

An attempt fails if its upstream cannot be called, or if the status of the response is in the router's `fail_on` (408,
429 and 5xx by default). The loop over the candidates is in `stages/attempts.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gecholog.headers import Headers
    from services.gl.candidates.candidate import Candidate
    from services.gl.resilience.rules import ResilienceRules
    from services.gl.routing.routers import Router

_LONGEST = 64  # characters of a Retry-After: a date has 29


def is_simple(candidates: Sequence[Candidate], rules: ResilienceRules) -> bool:
    """Tell whether one request to one upstream is enough: no retry, no failover, no circuit breaker."""
    return len(candidates) == 1 and candidates[0].breaker is None and not rules.retries and not rules.fallbacks


def total_timeout(router: Router) -> float | None:
    """The time limit in seconds for all attempts that the config of a call's router makes possible; None: no limit.

    Fallbacks that a processor names are not limited by it: each has the time limits of its own router.
    """
    rules = router.resilience
    is_of_config = router.models or rules.retries or rules.fallbacks
    return router.target.timeouts.total if is_of_config else None


def is_time_for(pause: float, deadline: float | None, now: float) -> bool:
    """Tell whether there is time for another attempt after a pause. `pause` is in seconds."""
    return deadline is None or now + pause < deadline


def has_failed(fault: str, status: int, rules: ResilienceRules) -> bool:
    """Tell whether an attempt failed: the upstream could not be called, or its status is in the router's `fail_on`."""
    return bool(fault) or status in rules.fail_on


def each_once(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates in their order, without duplicates."""
    found: list[Candidate] = []
    for candidate in candidates:
        if candidate not in found:
            found.append(candidate)
    return found


def retry_after(headers: Headers) -> str | None:
    """The `Retry-After` of a response: seconds or a date (RFC 9110, section 10.2.3).

    None if there is none, or if it is longer than a valid value.
    """
    return next((value for value in headers.get("Retry-After", ()) if len(value) <= _LONGEST), None)
