"""The registry: all usable providers and models of a config. It resolves names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType

from gecholog import glob
from services.gl.models import target
from services.gl.models.close_names import close_to
from services.gl.models.model import Model
from services.gl.models.provider import Provider
from services.gl.models.target import ProviderModel

Sellers = Callable[[str], tuple[str, frozenset[str]]]
"""The name of a model → who made it, and who else sells it, by their names in the price table; empty if unknown."""


def nobody(_name: str) -> tuple[str, frozenset[str]]:
    """Used for a registry without a price table: it knows no model."""
    return "", frozenset()


@dataclass(frozen=True, slots=True)
class Registry:
    """Providers and models by their names. `discovered` are names of models that providers say they have."""

    providers: Mapping[str, Provider] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    sellers: Sellers = nobody
    discovered: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def meaning(self, name: str) -> Model | ProviderModel | None:
        """What a name means, by the first of these that knows it; None if nobody does.

        A model of the config; a model whose glob takes it; `provider/model`; the only provider whose models take it;
        its maker by the price table, else the only provider that sells it.
        """
        if (model := self.models.get(name)) is not None:
            return model
        if (pattern := glob.most_specific(filter(glob.is_glob, self.models), name)) is not None:
            return self.models[pattern]
        found = self._of_named_provider(name) or self._of_serving_provider(name) or self._of_seller(name)
        # a name of dots would lead out of the path that it becomes a part of, at Azure
        return found if found is not None and found.model.strip(".") else None

    def close_to(self, name: str, shown: Callable[[str], bool] = lambda _name: True) -> tuple[str, ...]:
        """Names similar to `name`, among those that may be `shown`."""
        return close_to(name, filter(shown, self.names()))

    def names(self) -> Iterator[str]:
        """All names that can be listed: those of models, then those that providers are known to serve, each once."""
        served = chain.from_iterable(
            (self._shortest(provider, name) for name in self._named_by(provider))
            for provider in self.providers.values()
        )
        models = (name for name in self.models if not glob.is_glob(name))
        return iter(dict.fromkeys(chain(models, served)))

    def _named_by(self, provider: Provider) -> Iterator[str]:
        """The models of a provider whose names are known, each once."""
        configured = [name for name in provider.models if not glob.is_glob(name)]
        return iter(dict.fromkeys([*configured, *sorted(self.discovered.get(provider.name, ()))]))

    def _shortest(self, provider: Provider, name: str) -> str:
        """A model of a provider as clients can name it: without the provider where that is enough."""
        meant = ProviderModel(provider.name, name)
        return name if self.meaning(name) == meant else str(meant)

    def _of_named_provider(self, name: str) -> ProviderModel | None:
        found = target.parsed(name, ())
        return found if isinstance(found, ProviderModel) and found.provider in self.providers else None

    def _of_serving_provider(self, name: str) -> ProviderModel | None:
        """Of the only provider that serves it by the config, else of the only one that says it does."""
        configured = [one for one in self.providers if glob.matches_any(self.providers[one].models, name)]
        serving = configured or [one for one in self.providers if name in self.discovered.get(one, ())]
        return ProviderModel(serving[0], name) if len(serving) == 1 else None

    def _of_seller(self, name: str) -> ProviderModel | None:
        maker, resellers = self.sellers(name)
        if made := [one for one in self.providers.values() if maker and one.vendor == maker]:
            return ProviderModel(made[0].name, name)
        sold = [one for one in self.providers.values() if one.vendor in resellers]
        return ProviderModel(sold[0].name, name) if len(sold) == 1 else None


def registry_of(providers: Iterable[Provider], models: Iterable[Model], sellers: Sellers = nobody) -> Registry:
    """Build the registry. Leaves out targets without a provider, and models without targets."""
    known = {provider.name: provider for provider in providers}
    left = {model.name: model for model in models}
    while (cleaned := _cleaned(left, known)) != left:
        left = cleaned
    return Registry(known, left, sellers)


def _cleaned(models: Mapping[str, Model], providers: Mapping[str, Provider]) -> dict[str, Model]:
    """One pass: a model that loses its last target here becomes a missing target in the next pass."""
    cleaned = (_with_usable_targets(model, models, providers) for model in models.values())
    return {model.name: model for model in cleaned if model.targets}


def _with_usable_targets(model: Model, models: Mapping[str, Model], providers: Mapping[str, Provider]) -> Model:
    def is_usable(text: str) -> bool:
        found = target.parsed(text, models)
        return found is not None and (isinstance(found, str) or found.provider in providers)

    usable = [is_usable(text) for text in model.targets]
    if all(usable):
        return model
    targets = tuple(text for text, kept in zip(model.targets, usable, strict=True) if kept)
    weights = tuple(weight for weight, kept in zip(model.weights, usable, strict=False) if kept)
    return replace(model, targets=targets, weights=weights)
