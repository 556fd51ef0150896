"""The table of models and their prices."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.price import DEAREST, TOKENS, UNIT
from gecholog.llm.price_table import MAKERS, PriceTableError, shipped, table_of

DAY = date(2026, 11, 30)
MILLION = 10**12  # atto-USD per token of an USD per million tokens


def table(*entries):
    entries = [{"provider": "openai", "unit": UNIT, **entry} for entry in entries]
    return table_of(json.dumps({"version": "v", "prices": entries}).encode())


def test_shipped():
    """It can be read whole; models in use have a maker and a price; every price is exact and within bounds."""
    found = shipped()
    assert date.fromisoformat(found.version) <= date.fromisoformat("2100-01-01")
    assert {price.vendor for price in found.prices} >= MAKERS
    for vendor, model in (("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("google", "gemini-2.5-pro")):
        assert found.sellers(model)[0] == vendor
        price = found.find(vendor, model, DAY)
        assert 0 < price.base["input"] < price.base["output"]
    assert found.find("openai", "gpt-4o", DAY).base["input"] == Decimal("2.5") * MILLION
    assert found.find("openai", "a-model-that-nobody-has", DAY) is None
    for price in found.prices:
        assert set(price.base) <= set(TOKENS)
        assert all(0 <= amount <= DEAREST * MILLION for amount in price.base.values())


def test_dates():
    """Before an entry's day another one holds, or none; of those that hold the latest counts."""
    found = table(
        {"models": ["m"], "input": "1", "from": "2025-01-01"},
        {"models": ["m"], "input": "3", "from": "2027-01-01"},
        {"models": ["m"], "input": "2", "from": "2026-01-01", "to": "2026-05-31"},
    )
    days = [date(2024, 6, 1), date(2025, 6, 1), date(2026, 5, 31), date(2026, 6, 1), date(2027, 1, 1)]
    prices = [found.find("openai", "m", day) for day in days]
    assert [price and price.base["input"] // MILLION for price in prices] == [None, 1, 2, 1, 3]


def test_the_first_entry_says_which_model_it_is():
    """A later pattern that takes the name as well does not, not even where the first one has no price."""
    found = table(
        {"models": ["m-mini"], "input": "1"},
        {"models": ["m-odd"]},
        {"models": ["m*"], "input": "5"},
    )
    assert found.find("openai", "M-Mini", DAY).base["input"] == MILLION
    assert found.find("openai", "m-other", DAY).base["input"] == 5 * MILLION
    assert not found.find("openai", "m-odd", DAY).is_known
    assert found.find("azure", "m-mini", DAY) is None
    assert found.sellers("m-odd") == ("openai", frozenset())


def test_tiers():
    """A request with more input tokens than the tier says has its prices, where it has some."""
    tiers = [{"above": 200_000, "input": "4"}, {"above": 1000, "input": "2"}]
    price = table({"models": ["m"], "input": "1", "output": "9", "tiers": tiers}).find("openai", "m", DAY)
    inputs = [price.rates(tokens)["input"] // MILLION for tokens in (0, 1000, 1001, 200_001)]
    assert inputs == [1, 1, 2, 4]
    assert price.rates(300_000)["output"] == 9 * MILLION


def test_usual_rates():
    """What has no rate of its own has that of input or output, in a tier that of the tier."""
    tiers = [{"above": 10, "input": "2"}]
    price = table({"models": ["m"], "input": "1", "output": "9", "tiers": tiers}).find("openai", "m", DAY)
    assert price.rates(0) == {
        name: (9 if name == "reasoning" or name.endswith("output") else 1) * MILLION for name in TOKENS
    }
    assert price.rates(11)["cached_input"] == 2 * MILLION
    price = table({"models": ["m"], "input": "1", "cache_creation": "2"}).find("openai", "m", DAY)
    assert "cache_creation_1h" not in price.base
    assert "output" not in price.base


def test_sellers():
    """Makers and resellers are told apart; a pattern that begins with `*` says nothing of whom to call."""
    found = table(
        {"models": ["m*"]},
        {"models": ["*wide*"]},
        {"models": ["m1", "shared"], "provider": "azure"},
        {"models": ["shared", "two"], "provider": "groq"},
        {"models": ["two"], "provider": "xai"},
        {"models": ["two"]},
    )
    assert found.sellers("m1") == ("openai", frozenset({"azure"}))
    assert found.sellers("shared") == ("", frozenset({"azure", "groq"}))
    assert found.sellers("two") == ("", frozenset({"groq"}))
    assert found.sellers("a-wide-one") == ("", frozenset())


@given(st.decimals(0, DEAREST, places=12))
def test_prices_are_exact(amount):
    """What is written is what is computed with: no digit is rounded."""
    found = table({"models": ["m"], "input": f"{amount:f}"})
    assert found.prices[0].base["input"] == amount * MILLION


@pytest.mark.parametrize(
    "entry",
    [
        {"models": ["m"], "input": 1.5},
        {"models": ["m"], "input": "-1"},
        {"models": ["m"], "input": "10001"},
        {"models": ["m"], "input": "NaN"},
        {"models": ["m"], "input": "cheap"},
        {"models": ["m"], "input": "1e3"},
        {"models": ["m"], "input": "0.0000000000001"},
        {"models": "m", "input": "1", "unit": None},
        {"models": ["m"], "input": "1", "unit": "usd_per_token"},
        {"models": ["m"], "input": "1", "from": "soon"},
        {"input": "1"},
        "entry",
    ],
)
def test_wrong_entries(entry):
    """A wrong entry refuses the table, and is named: a price is never guessed."""
    good = {"provider": "openai", "unit": UNIT, "models": ["m"]}
    wrong = {"provider": "openai", "unit": UNIT} | entry if isinstance(entry, dict) else entry
    with pytest.raises(PriceTableError, match=r"prices\[1\]"):
        table_of(json.dumps({"version": "v", "prices": [good, wrong]}).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"version": "1"}'])
def test_no_table(data):
    """Neither is what is no table at all."""
    with pytest.raises(PriceTableError):
        table_of(data)
