"""The health of targets, as this process has seen it: circuit breakers, latencies, and whose turn it is.

It outlives configs: a reload does not make a target well.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from services.gl.resilience import breaker
from services.gl.resilience.breaker import Breaker, BreakerRules, State

if TYPE_CHECKING:
    from services.gl.attempt import Candidate

T = TypeVar("T")

_MOST = 4096  # targets that are remembered: clients may name any model
_WEIGHT = 0.3  # of the latest call in the average latency
_FORGOTTEN_AFTER = 60.0  # seconds: a latency that is older is measured again


class TargetHealth:
    """What is known of the targets. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._breakers: _Latest[Breaker] = _Latest()
        self._latencies: _Latest[tuple[float, float]] = _Latest()
        self._turns: _Latest[int] = _Latest()

    def admitted(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates that calls may go to, in their order. If none is, the one that was the first to go."""
        now = self._clock()
        found = [one for one in candidates if self._admits(one, now)]
        if found or not candidates:
            return found
        return [min(candidates, key=lambda one: self._breakers.get(one.key, Breaker()).opened or now)]

    def _admits(self, candidate: Candidate, now: float) -> bool:
        rules = candidate.breaker
        return rules is None or breaker.admits(self._breakers.get(candidate.key, Breaker()), rules, now)

    def state(self, key: str, rules: BreakerRules) -> State:
        """The state of a target's breaker."""
        return breaker.state(self._breakers.get(key, Breaker()), rules, self._clock())

    def began(self, candidate: Candidate) -> None:
        """A call to a candidate has begun."""
        if candidate.breaker is not None and (known := self._breakers.peek(candidate.key)) is not None:
            self._breakers[candidate.key] = breaker.began(known, candidate.breaker, self._clock())

    def ended(self, candidate: Candidate, *, failed: bool | None, seconds: float | None = None) -> None:
        """A call to a candidate has ended. `failed` None: nobody knows, for the client has left.

        `seconds` is how long the head of its answer took.
        """
        if failed is False and seconds is not None:
            self._measure(candidate.key, seconds)
        rules = candidate.breaker
        if rules is None:
            return
        known, now = self._breakers.get(candidate.key, Breaker()), self._clock()
        match failed:
            case None:
                self._breakers[candidate.key] = breaker.given_up(known)
            case True:
                self._breakers[candidate.key] = breaker.failed(known, rules, now)
            case False:
                self._breakers[candidate.key] = breaker.succeeded(known, rules, now)

    def latency(self, key: str) -> float | None:
        """Seconds that a target takes to answer, a moving average; None if that is not known, or long ago."""
        found = self._latencies.peek(key)
        return found[0] if found is not None and self._clock() - found[1] < _FORGOTTEN_AFTER else None

    def _measure(self, key: str, seconds: float) -> None:
        before = self.latency(key)
        average = seconds if before is None else before + _WEIGHT * (seconds - before)
        self._latencies[key] = average, self._clock()

    def turn(self, model: str) -> int:
        """How many calls of a model there were before this one."""
        number = self._turns.get(model, 0)
        self._turns[model] = number + 1
        return number


class _Latest(Generic[T]):
    """Values by their keys; of too many, those that were not written for the longest time are forgotten."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, T] = OrderedDict()

    def peek(self, key: str) -> T | None:
        return self._values.get(key)

    def get(self, key: str, default: T) -> T:
        return self._values.get(key, default)

    def __setitem__(self, key: str, value: T) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > _MOST:
            self._values.popitem(last=False)
