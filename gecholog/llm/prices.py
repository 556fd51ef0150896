"""The prices in force: the shipped table, and the overrides of an operator before it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from gecholog.llm.price_table import PriceTable

if TYPE_CHECKING:
    from gecholog.llm.price import Price

_LONGEST_NAME = 256  # characters of a model's name; a longer one is not compared with patterns


class Prices:
    """The prices in force. Immutable: a call uses those that were in force when it began."""

    def __init__(self, shipped: PriceTable, overrides: PriceTable | None = None) -> None:
        self._shipped = shipped
        self._overrides = overrides or PriceTable("", ())
        self.version = f"{shipped.version}+{overrides.version}" if overrides else shipped.version
        self.has_pieces = any(one.per_image is not None or one.per_request is not None for one in self._all)
        self.find = lru_cache(maxsize=4096)(self._find)  # finding takes hundreds of comparisons

    @property
    def overrides(self) -> PriceTable:
        """The table of the operator; empty if there is none."""
        return self._overrides

    def _find(self, vendor: str, models: tuple[str, ...], day: date, provider: str = "") -> Price | None:
        """The price of the first of `models` that a table knows, on a day; None if it is unknown or has no price.

        `models` are names of the same model, the best first. `vendor` is the seller's name in the tables; overrides can
        also name a `provider` of the config. A name longer than 256 characters is unknown.
        """
        names = [model for model in models if 0 < len(model) <= _LONGEST_NAME]
        tables = ((self._overrides, (provider, vendor)), (self._shipped, (vendor,)))
        for table, sellers in tables:
            for model in names:
                for seller in sellers:
                    if seller and (found := table.find(seller, model, day)) is not None:
                        return found if found.is_known else None
        return None

    @property
    def _all(self) -> Iterable[Price]:
        return (*self._overrides.prices, *self._shipped.prices)
