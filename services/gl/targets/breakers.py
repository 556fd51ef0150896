"""The circuit breakers of all targets, as this process has seen them fail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from services.gl.resilience import breaker
from services.gl.resilience.breaker import Breaker
from services.gl.targets.latest import Latest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.gl.attempt import Candidate
    from services.gl.resilience.breaker import BreakerRules, State

_CLOSED = Breaker()


class Breakers:
    """The circuit breaker of each target. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: Latest[Breaker] = Latest()

    def admitted(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates that calls may go to, in their order. If none is, the one whose breaker opened first."""
        now = self._clock()
        found = [one for one in candidates if self._admits(one, now)]
        if found or not candidates:
            return found
        return [min(candidates, key=lambda one: self._of(one.key).opened or now)]

    def state(self, key: str, rules: BreakerRules) -> State:
        """The state of a target's breaker."""
        return breaker.state(self._of(key), rules, self._clock())

    def began(self, candidate: Candidate) -> None:
        """A call to a candidate has begun."""
        if candidate.breaker is not None and (known := self._known.get(candidate.key)) is not None:
            self._known[candidate.key] = breaker.began(known, candidate.breaker, self._clock())

    def ended(self, candidate: Candidate, *, failed: bool | None) -> None:
        """A call to a candidate has ended. `failed` is None if nobody knows, because the client left."""
        rules = candidate.breaker
        if rules is None:
            return
        known, now = self._of(candidate.key), self._clock()
        match failed:
            case None:
                self._known[candidate.key] = breaker.given_up(known)
            case True:
                self._known[candidate.key] = breaker.failed(known, rules, now)
            case False:
                self._known[candidate.key] = breaker.succeeded(known, rules, now)

    def _of(self, key: str) -> Breaker:
        return self._known.get(key) or _CLOSED

    def _admits(self, candidate: Candidate, now: float) -> bool:
        rules = candidate.breaker
        return rules is None or breaker.admits(self._of(candidate.key), rules, now)
