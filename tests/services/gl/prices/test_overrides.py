"""The content of a prices.json: what is read, and what is refused with its place."""

import json
from datetime import date

import pytest

from gecholog.errors import ConfigError
from gecholog.llm.price import TOKENS, UNIT
from gecholog.llm.price_table import PriceTable, shipped
from gecholog.llm.prices import Prices
from services.gl.prices.overrides import config_spec, parse_overrides
from services.gl.prices.price_file import PriceFile

DAY = date(2026, 11, 30)
MILLION = 10**12
ENTRY = {"provider": "openai", "model": "gpt-4o*", "unit": UNIT, "input": "2.50", "output": "10"}


def overrides(*entries) -> PriceTable:
    return parse_overrides(json.dumps({"prices": entries}).encode(), "prices.json")


def prices(*entries) -> Prices:
    return Prices(shipped(), overrides(*entries))


def test_an_override_comes_before_the_shipped_price():
    found = prices(ENTRY | {"input": "1", "from": "2026-11-30"})
    assert found.find("openai", ("gpt-4o",), DAY).base["input"] == MILLION
    assert found.find("openai", ("gpt-4o",), date(2026, 11, 29)) == shipped().find("openai", "gpt-4o", DAY)
    assert found.find("openai", ("o3",), DAY) == shipped().find("openai", "o3", DAY)


def test_an_override_without_prices_says_that_there_is_none():
    assert prices({"provider": "openai", "model": "gpt-4o", "unit": UNIT}).find("openai", ("gpt-4o",), DAY) is None


def test_any_of_the_names_of_a_model_may_have_an_override():
    """The first name counts within a table; and overrides come before the shipped table for all names."""
    found = prices(ENTRY | {"model": "my-deployment", "provider": "azure", "input": "1"})
    assert found.find("azure", ("gpt-4o", "my-deployment"), DAY).base["input"] == MILLION


def test_own_providers():
    """The name of a provider of the config counts in overrides only: a shipped price must not be taken for it."""
    found = prices(ENTRY | {"provider": "mine", "model": "qwen3", "input": "0.1"})
    assert found.find("", ("qwen3",), DAY, "mine").base["input"] == MILLION // 10
    assert found.find("", ("gpt-4o",), DAY, "openai") is None


def test_names_without_an_end_are_not_compared():
    found = prices(ENTRY | {"model": "*"})
    assert found.find("openai", ("x" * 256,), DAY) is not None
    assert found.find("openai", ("x" * 257,), DAY) is None
    assert found.find("openai", ("",), DAY) is None


def test_version_names_the_file():
    """The shipped table's version, and the beginning of the SHA-256 of the file."""
    one, other = prices(ENTRY), prices(ENTRY | {"input": "3"})
    assert one.version.startswith(f"{shipped().version}+")
    assert len({one.version, other.version, Prices(shipped()).version}) == 3


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"unit": None}, "prices[1].unit"),
        ({"unit": "usd_per_token"}, "prices[1].unit"),
        ({"provider": None}, "prices[1].provider"),
        ({"model": None}, "prices[1]"),
        ({"models": ["a"]}, "prices[1]"),
        ({"model": ""}, "prices[1].model"),
        ({"input": 2.5}, "prices[1].input"),
        ({"input": "10001"}, "prices[1].input"),
        ({"input": "10000.000000000001"}, "prices[1].input"),
        ({"output": "-1"}, "prices[1].output"),
        ({"output": "1e2"}, "prices[1].output"),
        ({"per_image": "NaN"}, "prices[1].per_image"),
        ({"imput": "1"}, "prices[1].imput"),
        ({"from": "soon"}, "prices[1].from"),
        ({"from": "2026-02-30"}, "prices[1].from"),
        ({"from": "2026-02-02", "to": "2026-02-01"}, "prices[1].to"),
        ({"tiers": [{"input": "1"}]}, "prices[1].tiers[0].above"),
        ({"tiers": [{"above": 5, "input": "x"}]}, "prices[1].tiers[0].input"),
        ({"tiers": [{"above": 5, "per_image": "1"}]}, "prices[1].tiers[0].per_image"),
    ],
)
def test_wrong_entries_are_named(change, path):
    wrong = {name: value for name, value in (ENTRY | change).items() if value is not None}
    with pytest.raises(ConfigError) as raised:
        overrides(ENTRY, wrong)
    assert [problem.path for problem in raised.value.problems] == [path]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"prices": {}}', b"\xff"])
def test_no_table(data):
    with pytest.raises(ConfigError):
        parse_overrides(data, "prices.json")


def test_the_schema_has_every_price():
    """What can be priced can be overridden."""
    items = config_spec().schema["properties"]["prices"]["items"]["properties"]
    assert set(TOKENS) | {"per_image", "per_request"} <= items.keys()
    assert set(TOKENS) <= items["tiers"]["items"]["properties"].keys()


def test_the_limits_of_a_price():
    assert overrides(ENTRY | {"input": "10000", "output": "0"}).prices[0].base["input"] == 10_000 * MILLION


def test_last_good_prices_outlive_a_restart(tmp_path):
    """A gateway that starts with a broken file has the prices that were valid before."""

    class Config:
        prices_file = tmp_path / "prices.json"

    kept = tmp_path / "run" / "prices-gl.json"
    Config.prices_file.write_text(json.dumps({"prices": [ENTRY]}), "utf-8")
    PriceFile(kept, lambda: None).open(Config)
    assert kept.stat().st_mode & 0o777 == 0o600
    Config.prices_file.write_text("{", "utf-8")
    again = PriceFile(kept, lambda: None)
    again.open(Config)
    assert again._prices.overrides.prices == overrides(ENTRY).prices
    Config.prices_file.unlink()
    PriceFile(kept, lambda: None).open(Config)
    assert not kept.exists()
