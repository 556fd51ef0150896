"""The circuit breakers of all targets: the state of each, and the log lines about it.

A target is named by its key: the path of a router, or `provider/model`. All state is local. `replication` shares it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from gecholog.logs import Log
from services.gl.candidates.target_key import fields_of
from services.gl.resilience import breaker
from services.gl.resilience.breaker import Breaker, BreakerRules, State
from services.gl.targets.bounded_map import BoundedMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.gl.candidates.candidate import Candidate

log = Log("breaker")

_CLOSED = Breaker()

RulesOf = Callable[[str], BreakerRules | None]
"""The rules for a target by its key; None if the config has no circuit breaker for it."""


Listener = Callable[[str], None]
"""It is called with the key of a target whose breaker has opened or closed."""


class BreakerState(NamedTuple):
    """The circuit breaker of a target. `opened` and `until` are seconds of the monotonic clock, 0 if it is closed."""

    target: str
    state: State
    opened: float = 0.0
    until: float = 0.0
    reason: str = ""


class Breakers:
    """The circuit breaker of each target. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: BoundedMap[Breaker] = BoundedMap()
        self._listeners: list[Listener] = []
        self._local_listeners: list[Listener] = []

    # ------------------------------------------------------------------ calls

    def admits(self, candidate: Candidate) -> bool:
        """Tell whether a call may go to a candidate now."""
        return candidate.breaker is None or breaker.admits(self._of(candidate.key), self._clock())

    def admitted(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates that calls may go to, in their order. If none is, the one whose breaker opened first."""
        found = [one for one in candidates if self.admits(one)]
        if found or not candidates:
            return found
        return [min(candidates, key=lambda one: self._of(one.key).opened or 0.0)]

    def began(self, candidate: Candidate) -> float:
        """Note that a call to a candidate begins. Returns its start, which `ended` needs."""
        now = self._clock()
        if candidate.breaker is not None and (before := self._known.get(candidate.key)) is not None:
            after = breaker.began(before, now)
            if after is not before:
                self._known[candidate.key] = after
                log.info("circuit breaker half-open, probing", **fields_of(candidate.key))
        return now

    def ended(self, candidate: Candidate, start: float, *, failed: bool | None, reason: str = "") -> None:
        """A call to a candidate ended. `failed` is None if the outcome is not known, `reason` says why it failed."""
        rules, key = candidate.breaker, candidate.key
        if rules is None:
            return
        before, now = self._of(key), self._clock()
        if failed is None:
            after = breaker.given_up(before, start)
        elif failed:
            after = breaker.failed(before, rules, start, now, reason)
        else:
            after = breaker.succeeded(before, rules, start, now)
        if after is before:
            return
        self._known[key] = after
        if after.opened != before.opened:
            _log_transition(key, before, after, rules)
            for listener in (*self._listeners, *self._local_listeners):
                listener(key)

    # ------------------------------------------------------------------ states

    def observe(self, listener: Listener, *, only_local: bool = False) -> Callable[[], None]:
        """Call `listener` after each transition, or only after those that this process has seen itself.

        Returns a function that ends this.
        """
        listeners = self._local_listeners if only_local else self._listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    def states(self) -> list[BreakerState]:
        """The circuit breakers of all targets that this gateway or another replica has called."""
        now = self._clock()
        return [
            BreakerState(key, breaker.state(one, now), one.opened or 0.0, one.until, one.reason)
            for key, one in self._known.items()
        ]

    def get(self, key: str) -> Breaker:
        """The circuit breaker of a target."""
        return self._of(key)

    def replace(self, key: str, after: Breaker) -> None:
        """Put the state of a target in force that another replica has seen."""
        before = self._of(key)
        if before.opened is None and after.opened is None:
            return
        self._known[key] = after
        if (before.opened is None) != (after.opened is None):
            state = State.CLOSED if after.opened is None else State.OPEN
            fields = fields_of(key) | ({"reason": after.reason} if after.reason else {})
            log.info("circuit breaker changed by another replica", state=state.value, **fields)
        for listener in self._listeners:
            listener(key)

    def retain(self, rules_of: RulesOf) -> None:
        """Forget the targets that have no circuit breaker in a new config."""
        for key in self._known.keys():  # noqa: SIM118 - not a dict
            if rules_of(key) is None and (gone := self._known.pop(key)) is not None and gone.opened is not None:
                for listener in self._listeners:
                    listener(key)

    def _of(self, key: str) -> Breaker:
        return self._known.get(key) or _CLOSED


def _log_transition(key: str, before: Breaker, after: Breaker, rules: BreakerRules) -> None:
    fields = fields_of(key)
    if after.opened is None:
        log.info("circuit breaker closed", **fields)
    elif before.opened is None:
        log.warning("circuit breaker opened", **fields, reason=after.reason, open_ms=round(rules.open * 1000))
    else:
        log.info("circuit breaker stays open", **fields, reason=after.reason, open_ms=round(rules.open * 1000))
