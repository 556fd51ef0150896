"""Models: names that clients use, their targets, and the strategy that orders the targets. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Strategy(Enum):
    """What decides the order of a model's targets."""

    FALLBACK = "fallback"
    WEIGHTED = "weighted"
    ROUND_ROBIN = "round_robin"
    LEAST_LATENCY = "least_latency"
    HEURISTIC = "heuristic"
    CLASSIFIER = "classifier"


@dataclass(frozen=True, slots=True)
class Rule:
    """Keywords, and the target that comes first if one of them is in the last message of the user."""

    keywords: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Classifier:
    """The model that rates a request, and the parameters of the rating. `timeout` is in seconds."""

    model: str
    scale: int = 10
    timeout: float = 5.0
    max_tokens: int = 8
    parameters: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A name that clients use; it may hold `*`.

    `targets` are `provider/model`, or names of other models (groups). `weights` has one for each target where the
    strategy is `weighted`.
    """

    name: str
    targets: tuple[str, ...]
    strategy: Strategy = Strategy.FALLBACK
    weights: tuple[float, ...] = ()
    rules: tuple[Rule, ...] = ()
    classifier: Classifier | None = None
    max_output_tokens: int | None = None
    logic_level: int | None = None
    primary_use: str = ""


def model_of(entry: dict[str, Any]) -> Model:
    """The model of a checked entry of the config file."""
    return Model(
        name=entry["name"],
        targets=tuple(entry["targets"]),
        strategy=Strategy(entry.get("strategy", "fallback")),
        weights=tuple(entry.get("weights", ())),
        rules=tuple(Rule(tuple(rule["keywords"]), rule["target"]) for rule in entry.get("rules", ())),
        classifier=_classifier(entry["classifier"]) if "classifier" in entry else None,
        max_output_tokens=entry.get("max_output_tokens"),
        logic_level=entry.get("logic_level"),
        primary_use=entry.get("primary_use", ""),
    )


def _classifier(entry: dict[str, Any]) -> Classifier:
    usual = Classifier("")
    return Classifier(
        model=entry["model"],
        scale=entry.get("scale", usual.scale),
        timeout=entry["timeout_ms"] / 1000 if "timeout_ms" in entry else usual.timeout,
        max_tokens=entry.get("max_tokens", usual.max_tokens),
        parameters=tuple(entry.get("parameters", {}).items()),
    )
