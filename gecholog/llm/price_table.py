"""The table of models and their prices: which vendor sells a model, and for how much. Exact decimals. Pure.

The table that is shipped is `prices.json`; `make prices` writes it. An entry:

    {"provider": "openai", "models": ["gpt-4o*"], "unit": "usd_per_million_tokens", "from": "2024-08-06",
     "input": "2.5", "output": "10", "cached_input": "1.25", "tiers": [{"above": 200000, "input": "5"}]}

`provider` is who sells; `models` are names, in which `*` stands for any characters. `from` is the first day (UTC) of
the prices and `to` the last one; absent: without a limit. `tiers` have other prices for requests with more input
tokens. Of entries with the same `models` that hold on a day, the one with the latest `from` counts, of equals the
first. An entry without prices says that a model is known and that its price is not: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import orjson

from gecholog import glob
from gecholog.errors import GechologError
from gecholog.llm.price import Price, price_of

# Who makes models. The other vendors sell those of others.
MAKERS = frozenset({"anthropic", "cohere", "deepseek", "google", "mistral", "moonshot", "openai", "xai"})


class PriceTableError(GechologError):
    """A table of prices that cannot be used."""


class PriceTable:
    """All prices. `version` names the table in records."""

    def __init__(self, version: str, prices: Iterable[Price]) -> None:
        self.version = version
        self.prices = tuple(prices)
        self._by_vendor: dict[str, list[Price]] = {}
        for price in self.prices:
            self._by_vendor.setdefault(price.vendor, []).append(price)
        self.sellers = lru_cache(maxsize=1024)(self._sellers)

    def find(self, vendor: str, model: str, day: date) -> Price | None:
        """The entry for a vendor's model on a day; None if the table does not know the model.

        The entry may have no price. This takes time: it compares the name with some 250 patterns.
        """
        name = model.lower()
        entries = [price for price in self._by_vendor.get(vendor, ()) if glob.matches_any(price.models, name)]
        if not entries:
            return None
        # the first entry says which model it is; others may match the name as well, with less right
        same = [price for price in entries if price.models == entries[0].models]
        valid = [price for price in same if price.is_valid_on(day)]
        return max(valid, key=lambda price: price.since or date.min, default=None)

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


def _price(entry: Any, place: str) -> Price:
    try:
        return price_of(entry)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PriceTableError(f"{place} cannot be read: {error}") from error
