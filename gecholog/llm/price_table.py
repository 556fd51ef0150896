"""The table of models and their prices: which vendor sells a model, and for how much. Exact decimals. Pure.

The table that is shipped is `prices.json`; `make prices` writes it. An entry:

    {"provider": "openai", "models": ["gpt-4o*"], "unit": "usd_per_million_tokens", "from": "2024-08-06",
     "input": "2.5", "output": "10", "cached_input": "1.25", "tiers": [{"above": 200000, "input": "5"}]}

`provider` is who sells; `models` are names, in which `*` stands for any characters. `from` is the first day (UTC) of
the prices, absent: always. `tiers` have other prices for requests with more input tokens. Of entries that take a name
on a day, the one with the latest `from` counts, of equals the first. An entry without prices says that a model is known
and that its price is not: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import orjson

from gecholog import glob
from gecholog.errors import GechologError

UNIT = "usd_per_million_tokens"
FIELDS = (
    "input",
    "output",
    "cached_input",
    "cache_creation",
    "cache_creation_1h",
    "reasoning",
    "audio_input",
    "audio_output",
)
DEAREST = Decimal(10_000)  # USD per million tokens; what is dearer is a slip

# Who makes models. The other vendors sell those of others.
MAKERS = frozenset({"anthropic", "cohere", "deepseek", "google", "mistral", "moonshot", "openai", "xai"})


class PriceTableError(GechologError):
    """A table of prices that cannot be used."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Prices that replace the usual ones for requests of more than `above` input tokens."""

    above: int
    prices: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Price:
    """What models of a vendor cost, in USD per million tokens, by the names of `FIELDS`."""

    vendor: str
    models: tuple[str, ...]
    since: date | None
    prices: Mapping[str, Decimal]
    tiers: tuple[Tier, ...] = ()

    def of(self, field: str, input_tokens: int = 0) -> Decimal | None:
        """The price for a field in a request with so many input tokens; None if there is none."""
        applying = [tier.prices[field] for tier in self.tiers if input_tokens > tier.above and field in tier.prices]
        return applying[-1] if applying else self.prices.get(field)


class PriceTable:
    """All prices. `version` names the table in records."""

    def __init__(self, version: str, prices: Iterable[Price]) -> None:
        self.version = version
        self.prices = tuple(prices)
        self._by_vendor: dict[str, list[Price]] = {}
        for price in self.prices:
            self._by_vendor.setdefault(price.vendor, []).append(price)
        self.sellers = lru_cache(maxsize=1024)(self._sellers)
        self.find = lru_cache(maxsize=1024)(self._find)  # it goes through some 250 patterns, at each call

    def _find(self, vendor: str, model: str, day: date) -> Price | None:
        """The price of a vendor's model on a day; None if the table does not know the model, or has no price."""
        name = model.lower()
        entries = [price for price in self._by_vendor.get(vendor, ()) if glob.matches_any(price.models, name)]
        if not entries:
            return None
        # the first entry says which model it is; others may take the name as well, with less right
        same = [price for price in entries if price.models == entries[0].models]
        valid = [price for price in same if price.since is None or price.since <= day]
        found = max(valid, key=lambda price: price.since or date.min, default=None)
        return found if found is not None and found.prices else None

    def _sellers(self, model: str) -> tuple[str, frozenset[str]]:
        """Who makes a model, and who else sells it; an empty name if the table does not know its maker.

        Patterns that begin with `*` do not count: they are right about a price, and wrong about whom to call.
        """
        name = model.lower()
        known = {vendor for vendor, prices in self._by_vendor.items() if any(_names(price, name) for price in prices)}
        makers = known & MAKERS
        return min(makers) if len(makers) == 1 else "", frozenset(known - MAKERS)


def _names(price: Price, name: str) -> bool:
    """Whether one of the patterns that do not begin with `*` takes a name."""
    return any(glob.matches(one, name) for one in price.models if not one.startswith("*"))


@cache
def shipped() -> PriceTable:
    """The table that is part of this package."""
    return table_of(files("gecholog.llm").joinpath("prices.json").read_bytes())


def table_of(data: bytes) -> PriceTable:
    """A table from its JSON. Raises PriceTableError, which names the entry."""
    try:
        value = orjson.loads(data)
        version, entries = value["version"], value["prices"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise PriceTableError("is no table of prices: an object with version and prices") from error
    return PriceTable(str(version), [_price(entry, f"prices[{index}]") for index, entry in enumerate(entries)])


def _price(entry: dict[str, Any], place: str) -> Price:
    try:
        if entry["unit"] != UNIT:
            raise PriceTableError(f"{place}.unit must be {UNIT}")
        tiers = (Tier(int(tier["above"]), _prices(tier)) for tier in entry.get("tiers", ()))
        return Price(
            vendor=entry["provider"],
            models=tuple(str(one).lower() for one in entry["models"]),
            since=date.fromisoformat(entry["from"]) if "from" in entry else None,
            prices=_prices(entry),
            tiers=tuple(sorted(tiers, key=lambda tier: tier.above)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        raise PriceTableError(f"{place} cannot be read") from error


def _prices(entry: dict[str, Any]) -> dict[str, Decimal]:
    """The prices of an entry. Raises ValueError for one that is not a decimal in a text, or is out of bounds."""
    found = {field: entry[field] for field in FIELDS if field in entry}
    prices = {field: Decimal(text) for field, text in found.items() if isinstance(text, str)}
    if len(prices) < len(found) or not all(price.is_finite() and 0 <= price <= DEAREST for price in prices.values()):
        raise ValueError("must be decimals in texts, from 0 to 10000")
    return prices
