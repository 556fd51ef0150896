"""Resolves the model name of a client to models of providers, in the order in which to try them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from services.gl.models import target
from services.gl.models.model import Model, Strategy
from services.gl.models.ordering import Placement, StrategyInputs, ordered
from services.gl.models.provider import Provider
from services.gl.models.registry import Registry
from services.gl.models.target import ProviderModel


class Choice(NamedTuple):
    """A model of a provider to which a call can be sent.

    `groups` are the models of the config on the way there, outermost first, `why` what decided at each of them (empty
    where the order of the file did). `max_output_tokens` is the innermost group's that has one.
    """

    provider: Provider
    model: str
    groups: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    max_output_tokens: int | None = None

    @property
    def name(self) -> str:
        """`provider/model`."""
        return str(ProviderModel(self.provider.name, self.model))


@dataclass(frozen=True, slots=True)
class _Way:
    """The path through groups that led to a model."""

    groups: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    max_output_tokens: int | None = None


def resolve(registry: Registry, name: str, inputs: StrategyInputs) -> tuple[Choice, ...]:
    """All choices for a name, without duplicates, in the order in which to try them; none if the name is unknown."""
    meaning = registry.meaning(name)
    if meaning is None:
        return ()
    if isinstance(meaning, ProviderModel):
        return (Choice(registry.providers[meaning.provider], meaning.model),)
    choices: dict[str, Choice] = {}
    for choice in _choices(registry, meaning, inputs, _Way()):
        choices.setdefault(choice.name, choice)
    return tuple(choices.values())


def is_fixed(registry: Registry, name: str) -> bool:
    """Whether the choices for a name, and their order, are the same for all calls."""
    meaning = registry.meaning(name)
    if not isinstance(meaning, Model):
        return True
    groups = (registry.models[one] for one in meaning.targets if one in registry.models)
    return meaning.strategy is Strategy.FALLBACK and all(is_fixed(registry, group.name) for group in groups)


def next_classifier(registry: Registry, name: str, inputs: StrategyInputs, asked: frozenset[str]) -> Model | None:
    """The model whose classifier decides where the first attempt goes, and that is not among those `asked`.

    Classifiers on the way to a later choice are not asked: that would cost a call which most requests do not need.
    """
    model = registry.meaning(name)
    while isinstance(model, Model):
        if model.strategy is Strategy.CLASSIFIER and model.name not in asked:
            return model
        first = _order(registry, model, inputs)[0]
        model = registry.models.get(model.targets[first.target])
    return None


def _choices(registry: Registry, model: Model, inputs: StrategyInputs, way: _Way) -> Iterator[Choice]:
    """The choices of a model, each target in turn."""
    limit = model.max_output_tokens or way.max_output_tokens
    for place in _order(registry, model, inputs):
        here = _Way((*way.groups, model.name), (*way.why, place.why), limit)
        match target.parsed(model.targets[place.target], registry.models):
            case str(group):
                yield from _choices(registry, registry.models[group], inputs, here)
            case ProviderModel(provider, name):
                yield Choice(registry.providers[provider], name, here.groups, here.why, limit)


def _order(registry: Registry, model: Model, inputs: StrategyInputs) -> list[Placement]:
    def latency(text: str) -> float | None:
        """Of a group that of its quickest target."""
        if (group := registry.models.get(text)) is None:
            return inputs.latency(text)
        return min((known for one in group.targets if (known := latency(one)) is not None), default=None)

    return ordered(model, inputs, latency)
