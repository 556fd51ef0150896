"""The board: what one broker knows of all targets at this moment, and where the next call goes. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from processors.broker.groups import Group, WhenAllOut
from processors.broker.health import Health, Limits, State, after_failure, probed
from processors.broker.outcome import Outcome
from processors.broker.strategies import Knowledge, averaged


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a call may go.

    `paths` are the targets that are in, the best first. `due` is one that should be probed, if a probe is granted.
    `wait` is in how many seconds the next target comes due; it is 0 while there are any `paths`.
    """

    paths: list[str]
    due: str | None = None
    wait: float = 0.0


class Board:
    """Health and latencies of targets. Only those that are not in are in `_trouble`: usually there is none."""

    def __init__(self, groups: Iterable[Group], limits: Limits, chance: Random) -> None:
        self._chance = chance
        self._trouble: dict[str, Health] = {}
        self._failures: dict[str, int] = {}
        self._latencies: dict[str, float] = {}
        self._turns: dict[str, int] = {}
        self.configure(groups, limits)

    def configure(self, groups: Iterable[Group], limits: Limits) -> None:
        """Put other groups in force. What is known of targets stays."""
        self._groups = tuple(groups)
        self._limits = limits
        self._targets = frozenset(path for group in self._groups for path in group.paths)

    def health(self, path: str) -> Health | None:
        """How a target is; None: it is in."""
        return self._trouble.get(path)

    def put(self, path: str, health: Health | None) -> None:
        """Take over what somebody else found out, or decided, about a target."""
        if health is None:
            self._trouble.pop(path, None)
            self._failures.pop(path, None)
        else:
            self._trouble[path] = health

    def probed(self, path: str, now: float) -> Health:
        """What the health of a target that is due is while one call probes it. The board is not changed."""
        return probed(self._trouble.get(path), self._limits, now)

    @property
    def limits(self) -> Limits:
        return self._limits

    # ------------------------------------------------------------- deciding

    def choose(self, group: Group, now: float) -> Choice:
        """Where a call of this group may go."""
        turn = self._turns[group.router] = self._turns.get(group.router, -1) + 1
        trouble = self._trouble
        targets = [target for target in group.targets if target.path not in trouble] if trouble else group.targets
        paths = group.strategy(targets, Knowledge(self._chance, turn, self._latencies))
        if len(paths) == len(group.targets):
            return Choice(paths)
        out = sorted((trouble[path].until, path) for path in group.paths if path in trouble)
        soonest, path = out[0]
        due = path if trouble[path].is_due(now) else None
        return Choice(paths, due, 0.0 if paths else max(0.0, soonest - now))

    def least_bad(self, group: Group) -> list[str]:
        """All targets of a group in which none is in: those first that are out for the shortest time yet."""
        return sorted(group.paths, key=lambda path: self._trouble[path].until if path in self._trouble else 0.0)

    # ------------------------------------------------------------- learning

    def learn(self, outcome: Outcome, now: float) -> bool:
        """Take note of what came of a call; tells whether the target's health has changed."""
        if outcome.path not in self._targets:
            return False
        before = self._trouble.get(outcome.path)
        after = self._failed(outcome, before, now) if outcome.failure else self._worked(outcome, before)
        if after is before:
            return False
        self.put(outcome.path, after)
        return True

    def _failed(self, outcome: Outcome, before: Health | None, now: float) -> Health | None:
        if before is None:
            failures = self._failures.get(outcome.path, 0) + 1
            if failures < self._limits.failures:
                self._failures[outcome.path] = failures
                return None
            self._failures.pop(outcome.path, None)
        assert outcome.failure is not None  # noqa: S101 - for the type checker
        return after_failure(before, outcome.failure, self._limits, now)

    def _worked(self, outcome: Outcome, before: Health | None) -> Health | None:
        """One that is out stays so: the call may have begun before. A probe, or a call for want of better, counts."""
        self._failures.pop(outcome.path, None)
        if outcome.latency is not None:
            self._latencies[outcome.path] = averaged(self._latencies.get(outcome.path), outcome.latency)
        if before is None or before.state is State.PROBING or self._is_last_resort(outcome.path):
            return None
        return before

    def _is_last_resort(self, path: str) -> bool:
        return any(
            path in group.paths and all(each in self._trouble for each in group.paths)
            for group in self._groups
            if group.when_all_out is WhenAllOut.LEAST_BAD
        )
