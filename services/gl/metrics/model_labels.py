"""Which names of models are labels of metrics. Clients choose names, and each one would be a series of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from gecholog.llm.prices import Prices
    from services.gl.models.registry import Registry

OTHER = "other"

_MOST = 1000  # pairs of provider and model: patterns of the price tables take any number of names


class Seller(NamedTuple):
    """Who serves a model: its name in the config, and in the tables of prices; each is empty if there is none."""

    provider: str
    vendor: str


def _today() -> date:
    return datetime.now(UTC).date()


class ModelLabels:
    """Names that the config, a provider's list of models or a table of prices knows; any other is `other`."""

    def __init__(self, today: Callable[[], date] = _today) -> None:
        self._labels: dict[tuple[Seller, str], str] = {}
        self._known = 0
        self._seen: tuple[Registry | None, Prices | None] = (None, None)
        self._today = today

    def label(self, registry: Registry, prices: Prices | None, seller: Seller, model: str) -> str:
        """The label of a model; empty for an empty name."""
        if self._seen[0] is not registry or self._seen[1] is not prices:  # a name may be known now
            self._seen = registry, prices
            self._forget_unknown()
        key = seller, model
        if (found := self._labels.get(key)) is None:
            if len(self._labels) > 2 * _MOST:
                self._forget_unknown()
            found = self._labels[key] = self._decided(registry, prices, seller, model)
        return found

    def _forget_unknown(self) -> None:
        self._labels = {key: label for key, label in self._labels.items() if label != OTHER}

    def _decided(self, registry: Registry, prices: Prices | None, seller: Seller, model: str) -> str:
        if not model:
            return ""
        is_known = _is_configured(registry, seller.provider, model)
        if not is_known and prices is not None:
            is_known = prices.find(seller.vendor, (model,), self._today(), seller.provider) is not None
        if not is_known or self._known >= _MOST:
            return OTHER
        self._known += 1
        return model


def _is_configured(registry: Registry, provider: str, model: str) -> bool:
    """Whether the config, or the provider's own list, names a model of a provider."""
    configured = registry.providers.get(provider)
    if configured is None:
        return False
    if model in configured.models or model in registry.discovered.get(provider, ()):
        return True
    target = f"{provider}/{model}"
    return any(target in one.targets for one in registry.models.values())
