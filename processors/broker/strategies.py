"""Load-balancing strategies: the order in which available targets are called. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

_EXPLORATION_RATE = 0.05  # fraction of random choices: a target that was slow may be fast now
_EWMA_WEIGHT = 0.2  # of the newest measurement


@dataclass(frozen=True, slots=True)
class Target:
    """A router that calls are sent to. With `weight` 0, `weighted` uses it only if no other is available."""

    path: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class SelectionContext:
    """Input of a strategy: random numbers, the number of earlier calls, and average latencies in milliseconds."""

    rng: Random
    turn: int
    latencies: Mapping[str, float]


Strategy = Callable[[Sequence[Target], SelectionContext], list[str]]
"""Maps targets in the order of the config to their paths in the order of preference."""


def at_random(targets: Sequence[Target], context: SelectionContext) -> list[str]:
    paths = [target.path for target in targets]
    context.rng.shuffle(paths)
    return paths


def weighted(targets: Sequence[Target], context: SelectionContext) -> list[str]:
    """Draw targets without replacement, each with a probability in proportion to its weight.

    Sorting by a random number to the power of 1/weight does this (Efraimidis and Spirakis, 2006).
    """
    draws = [(_draw(target.weight, context.rng), target.path) for target in targets]
    return [path for _, path in sorted(draws, reverse=True)]


def _draw(weight: int, rng: Random) -> float:
    """Return the sort key of a weight. A weight of 0 sorts below all others."""
    drawn = rng.random()
    return drawn ** (1 / weight) if weight else drawn - 1


def round_robin(targets: Sequence[Target], context: SelectionContext) -> list[str]:
    """Take turns. Turns count over the available targets, so that the one after a gap does not get a double share."""
    first = context.turn % len(targets) if targets else 0
    return [target.path for target in (*targets[first:], *targets[:first])]


def least_latency(targets: Sequence[Target], context: SelectionContext) -> list[str]:
    """Order by latency. A target without a measurement counts as the fastest. One call in twenty is random."""
    paths = at_random(targets, context)
    if context.rng.random() < _EXPLORATION_RATE:
        return paths
    known = context.latencies
    best = min((known[path] for path in paths if path in known), default=0.0)
    return sorted(paths, key=lambda path: known.get(path, best))


STRATEGIES: Mapping[str, Strategy] = {
    "random": at_random,
    "weighted": weighted,
    "round_robin": round_robin,
    "least_latency": least_latency,
}


def averaged(average: float | None, latency: float) -> float:
    """Update an exponentially weighted moving average with a measurement."""
    return latency if average is None else average + _EWMA_WEIGHT * (latency - average)
