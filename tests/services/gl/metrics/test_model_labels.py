"""Which names of models are labels."""

from datetime import date

import pytest

from gecholog.llm import price_table
from gecholog.llm.prices import Prices
from services.gl.metrics.model_labels import ModelLabels, Seller
from services.gl.models.model import Model
from services.gl.models.provider import provider_of
from services.gl.models.registry import Registry

ENTRY = {"name": "main", "dialect": "openai", "url": "http://h/v1", "api_key": "k", "models": ["mine", "glob-*"]}
REGISTRY = Registry({"main": provider_of(ENTRY)}, {"pair": Model("pair", ("main/target", "other/x"))})
MAIN = Seller("main", "openai")


@pytest.fixture
def labels():
    return ModelLabels(today=lambda: date(2026, 12, 1))


@pytest.mark.parametrize(
    ("model", "label"),
    [("mine", "mine"), ("target", "target"), ("found", "found"), ("glob-x", "other"), ("made-up", "other"), ("", "")],
)
def test_config(labels, model, label):
    """A model is known by the provider's names, its own list, and the targets of models; a pattern names none."""
    registry = Registry(REGISTRY.providers, REGISTRY.models, discovered={"main": frozenset({"found"})})
    assert labels.label(registry, None, MAIN, model) == label
    assert labels.label(registry, None, Seller("nobody", ""), model) == ("other" if model else "")


def test_prices(labels):
    """A model with a price is known, also as the answer of a plain router names it."""
    prices = Prices(price_table.shipped())
    for seller in (MAIN, Seller("", "openai")):
        assert labels.label(Registry(), prices, seller, "gpt-4o-mini") == "gpt-4o-mini"
        assert labels.label(Registry(), prices, seller, "gpt-made-up") == "other"


def test_known_later(labels):
    """What a later config or a provider's list names is known from then on."""
    assert labels.label(REGISTRY, None, MAIN, "found") == "other"
    later = Registry(REGISTRY.providers, discovered={"main": frozenset({"found"})})
    assert labels.label(later, None, MAIN, "found") == "found"


def test_many(labels):
    """Patterns of price tables take any number of names, and metrics do not."""
    names = frozenset(f"m{number}" for number in range(3000))
    registry = Registry(REGISTRY.providers, discovered={"main": names})
    shown = {labels.label(registry, None, MAIN, name) for name in sorted(names)}
    assert len(shown) == 1001
    for number in range(5000):
        assert labels.label(registry, None, MAIN, f"made-up-{number}") == "other"
    assert len(labels._labels) < 4000
