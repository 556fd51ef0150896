"""In which order the targets that are in are to be called. Pure functions; chance comes in as an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

_EXPLORED = 0.05  # the part of calls that goes anywhere: a target that was slow once may be quick now
_NEWEST = 0.2  # the weight of the newest measurement in the average


@dataclass(frozen=True, slots=True)
class Target:
    """A router that calls are sent to. `weight` 0: only when the others are out (of interest to `weighted`)."""

    path: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What strategies may go by: the number of calls before this one, and average latencies in milliseconds."""

    chance: Random
    turn: int
    latencies: Mapping[str, float]


Strategy = Callable[[Sequence[Target], Knowledge], list[str]]
"""Targets in the order of the config → their paths in the order of preference."""


def at_random(targets: Sequence[Target], knowledge: Knowledge) -> list[str]:
    paths = [target.path for target in targets]
    knowledge.chance.shuffle(paths)
    return paths


def weighted(targets: Sequence[Target], knowledge: Knowledge) -> list[str]:
    """The first is each target as often as its weight says, the next likewise among the rest, and so on.

    Sorting by chance to the power of 1/weight draws without putting back (Efraimidis and Spirakis, 2006).
    """
    draws = [(_draw(target.weight, knowledge.chance), target.path) for target in targets]
    return [path for _, path in sorted(draws, reverse=True)]


def _draw(weight: int, chance: Random) -> float:
    """A weight of 0 draws below all others."""
    drawn = chance.random()
    return drawn ** (1 / weight) if weight else drawn - 1


def round_robin(targets: Sequence[Target], knowledge: Knowledge) -> list[str]:
    """One after the other. Turns are counted over those that are in, so the one behind a gap gets no double share."""
    first = knowledge.turn % len(targets) if targets else 0
    return [target.path for target in (*targets[first:], *targets[:first])]


def least_latency(targets: Sequence[Target], knowledge: Knowledge) -> list[str]:
    """The quickest first; one not measured yet counts as quick as the quickest. One call in twenty goes anywhere."""
    paths = at_random(targets, knowledge)
    if knowledge.chance.random() < _EXPLORED:
        return paths
    known = knowledge.latencies
    best = min((known[path] for path in paths if path in known), default=0.0)
    return sorted(paths, key=lambda path: known.get(path, best))


STRATEGIES: Mapping[str, Strategy] = {
    "random": at_random,
    "weighted": weighted,
    "round_robin": round_robin,
    "least_latency": least_latency,
}


def averaged(average: float | None, latency: float) -> float:
    """The exponentially weighted moving average with one more measurement."""
    return latency if average is None else average + _NEWEST * (latency - average)
