"""Orders the targets of a model by its strategy. Pure: inputs such as latencies are in `StrategyInputs`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from services.gl.models.model import Model, Rule, Strategy


class Placement(NamedTuple):
    """A target's index, and why it is where it is; empty where the order of the file is the reason."""

    target: int
    why: str = ""


def _no_rating(_model: str) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class StrategyInputs:
    """The inputs of strategies.

    `prompt` gives the last message of the user, `turn` the number of a model's calls so far, `draw` a random number
    from 0 to 1 (less than 1), `latency` how long a `provider/model` takes to answer in seconds (None: not known),
    `rating` how a model's classifier rated the request (None: it was not asked, or gave no answer).
    """

    prompt: Callable[[], str] = str
    turn: Callable[[str], int] = lambda _model: 0
    draw: Callable[[], float] = lambda: 0.5
    latency: Callable[[str], float | None] = lambda _target: None
    rating: Callable[[str], int | None] = _no_rating


def ordered(model: Model, inputs: StrategyInputs, latency_of: Callable[[str], float | None]) -> list[Placement]:
    """All targets of a model, in the order in which they are tried. `latency_of` takes groups as well."""
    count = len(model.targets)
    match model.strategy:
        case Strategy.FALLBACK:
            return [Placement(index) for index in range(count)]
        case Strategy.WEIGHTED:
            return _drawn(model.weights or (1.0,) * count, inputs.draw)
        case Strategy.ROUND_ROBIN:
            first = inputs.turn(model.name) % count
            return [Placement((first + index) % count, "its turn" if index == 0 else "") for index in range(count)]
        case Strategy.LEAST_LATENCY:
            return _quickest([latency_of(target) for target in model.targets])
        case Strategy.HEURISTIC:
            return _first(count, *_hit(model, inputs.prompt()))
        case Strategy.CLASSIFIER:
            return _first(count, *_rated(model, inputs.rating(model.name)))


def _first(count: int, index: int, why: str) -> list[Placement]:
    """One target in front, the others in the order of the list."""
    return [Placement(index, why), *(Placement(other) for other in range(count) if other != index)]


def _drawn(weights: Sequence[float], draw: Callable[[], float]) -> list[Placement]:
    """A random order in which each place goes to a target with the odds of its weight among those that are left.

    That is what the keys u^(1/w) give (Efraimidis and Spirakis, 2006). A weight of 0 is for when all others fail.
    """
    keys = [(draw() ** (1 / weight) if weight > 0 else -1.0) for weight in weights]
    order = sorted(range(len(weights)), key=lambda index: -keys[index])
    return [Placement(index, f"weight {weights[index]:g}") for index in order]


def _quickest(latencies: Sequence[float | None]) -> list[Placement]:
    """Targets without a measured latency come first, so that they get measured."""
    order = sorted(range(len(latencies)), key=lambda index: latencies[index] or 0.0)
    return [Placement(index, _measured(latencies[index])) for index in order]


def _measured(latency: float | None) -> str:
    return "latency not known yet" if latency is None else f"{latency * 1000:.0f} ms"


# ------------------------------------------------------------------ heuristic


def _hit(model: Model, prompt: str) -> tuple[int, str]:
    for rule in model.rules:
        if (found := _keyword(rule, prompt)) is not None and rule.target in model.targets:
            return model.targets.index(rule.target), f"keyword {found!r}"
    return 0, "no keyword"


def _keyword(rule: Rule, prompt: str) -> str | None:
    """The first keyword of a rule that is in `prompt`, as words of their own, letter case aside."""
    return next((word for word in rule.keywords if _words(word).search(prompt)), None)


@lru_cache(maxsize=1024)
def _words(keyword: str) -> re.Pattern[str]:
    text = r"\s+".join(map(re.escape, keyword.split()))
    return re.compile(rf"(?<!\w){text}(?!\w)", re.IGNORECASE)


# ------------------------------------------------------------------ classifier


def _rated(model: Model, rating: int | None) -> tuple[int, str]:
    """The target for a rating; without a rating the middle one."""
    count = len(model.targets)
    if rating is None or model.classifier is None:
        return (count - 1) // 2, "no rating: the middle target"
    return bucket(rating, model.classifier.scale, count), f"rated {rating} of {model.classifier.scale}"


def bucket(rating: int, scale: int, count: int) -> int:
    """The index among `count` targets for a rating from 1 to `scale`, which spreads evenly over them.

    For 3 targets and a scale of 10: 1 to 3, 4 to 7, 8 to 10.
    """
    return min(count - 1, (2 * (rating - 1) * (count - 1) + scale - 1) // (2 * (scale - 1)))
