"""The health table: what one broker knows of all targets, and where the next call goes. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from processors.broker.groups import Group, WhenAllOpen
from processors.broker.health import BreakerPolicy, BreakerState, Health, after_failure, half_open
from processors.broker.outcome import Outcome
from processors.broker.strategies import SelectionContext, averaged


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a call may go.

    `paths` are the targets whose circuit breaker is closed, the best first. `half_open` is a target that should be
    probed, if the probe is granted. `retry_after` is the time in seconds until the next target may be probed. It is 0
    if there are any `paths`.
    """

    paths: list[str]
    half_open: str | None = None
    retry_after: float = 0.0


class HealthTable:
    """Health and latency of all targets. A target whose circuit breaker is closed has no entry in `_health`."""

    def __init__(self, groups: Iterable[Group], policy: BreakerPolicy, rng: Random) -> None:
        self._rng = rng
        self._health: dict[str, Health] = {}
        self._failures: dict[str, int] = {}
        self._latencies: dict[str, float] = {}
        self._turns: dict[str, int] = {}
        self.configure(groups, policy)

    def configure(self, groups: Iterable[Group], policy: BreakerPolicy) -> None:
        """Replace groups and policy. The health of targets is kept."""
        self._groups = tuple(groups)
        self._policy = policy
        self._targets = frozenset(path for group in self._groups for path in group.paths)

    def health(self, path: str) -> Health | None:
        """Return the health of a target, or None if its circuit breaker is closed."""
        return self._health.get(path)

    def put(self, path: str, health: Health | None) -> None:
        """Set the health of a target that another replica has observed or decided."""
        if health is None:
            self._health.pop(path, None)
            self._failures.pop(path, None)
        else:
            self._health[path] = health

    def half_open(self, path: str, now: float) -> Health:
        """Return the health of a target while a call probes it. The table does not change."""
        return half_open(self._health.get(path), self._policy, now)

    @property
    def policy(self) -> BreakerPolicy:
        return self._policy

    # ------------------------------------------------------------- choosing

    def choose(self, group: Group, now: float) -> Choice:
        """Choose the targets of the next call of a group."""
        turn = self._turns[group.router] = self._turns.get(group.router, -1) + 1
        health = self._health
        closed = [target for target in group.targets if target.path not in health] if health else group.targets
        paths = group.strategy(closed, SelectionContext(self._rng, turn, self._latencies))
        if len(paths) == len(group.targets):
            return Choice(paths)
        unavailable = sorted((health[path].half_open_at, path) for path in group.paths if path in health)
        half_open_at, path = unavailable[0]
        probe = path if health[path].may_probe(now) else None
        return Choice(paths, probe, 0.0 if paths else max(0.0, half_open_at - now))

    def panic(self, group: Group) -> list[str]:
        """Return all targets of a group without a closed circuit breaker, those that are due first at the front."""
        return sorted(group.paths, key=lambda path: self._health[path].half_open_at if path in self._health else 0.0)

    # ------------------------------------------------------------- learning

    def learn(self, outcome: Outcome, now: float) -> bool:
        """Record the outcome of a call. Return whether the health of the target has changed."""
        if outcome.path not in self._targets:
            return False
        before = self._health.get(outcome.path)
        after = self._failed(outcome, before, now) if outcome.failure else self._succeeded(outcome, before)
        if after is before:
            return False
        self.put(outcome.path, after)
        return True

    def _failed(self, outcome: Outcome, before: Health | None, now: float) -> Health | None:
        if before is None:
            failures = self._failures.get(outcome.path, 0) + 1
            if failures < self._policy.failure_threshold:
                self._failures[outcome.path] = failures
                return None
            self._failures.pop(outcome.path, None)
        assert outcome.failure is not None  # noqa: S101 - for the type checker
        return after_failure(before, outcome.failure, self._policy, now)

    def _succeeded(self, outcome: Outcome, before: Health | None) -> Health | None:
        """Return the health after a success.

        An open breaker stays open, because the call may have started before it opened. A probe closes it, and so does a
        call in panic mode.
        """
        self._failures.pop(outcome.path, None)
        if outcome.latency is not None:
            self._latencies[outcome.path] = averaged(self._latencies.get(outcome.path), outcome.latency)
        if before is None or before.state is BreakerState.HALF_OPEN or self._is_in_panic(outcome.path):
            return None
        return before

    def _is_in_panic(self, path: str) -> bool:
        return any(
            path in group.paths and all(each in self._health for each in group.paths)
            for group in self._groups
            if group.when_all_open is WhenAllOpen.PANIC
        )
