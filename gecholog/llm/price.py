"""The price of a model at a vendor: what tokens, images and requests cost. Exact integers, prepared for use. Pure.

Prices are kept in atto-USD (10^-18 USD) for each token, image or request. A price of USD per million tokens with twelve
decimals is a whole number of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

ATTO_USD = 10**18
"""One USD."""

UNIT = "usd_per_million_tokens"
TOKENS = (
    "input",
    "output",
    "cached_input",
    "cache_creation",
    "cache_creation_1h",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
    "video_input",
    "video_output",
)
"""Fields with a price in USD for a million tokens of a kind."""

PIECES = ("per_image", "per_request")
"""Fields with a price in USD for each image that is made, and for each request."""

DEAREST = 10_000  # USD, for a million tokens, an image or a request; a higher price is taken for a typing error
DECIMALS = 12
"""The most decimals of a price."""
_AMOUNT = re.compile(rf"[0-9]{{1,5}}(?:\.[0-9]{{1,{DECIMALS}}})?")
# The price to use for tokens of a kind without its own price. Longer cache creation costs more than the usual one.
_OTHERWISE = {
    "cached_input": "input",
    "cache_creation": "input",
    "audio_input": "input",
    "image_input": "input",
    "video_input": "input",
    "reasoning": "output",
    "audio_output": "output",
    "image_output": "output",
    "video_output": "output",
}

Rates = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Tier:
    """The rates of requests with more than `above` input tokens."""

    above: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Price:
    """The price of models of a vendor from the day `since` to the day `until`; None: without a limit.

    `base` are atto-USD for a token, by the names in TOKENS; `tiers` have others for large requests, the largest last.
    Kinds of tokens without a price are missing. `per_image` and `per_request` are atto-USD.
    """

    vendor: str
    models: tuple[str, ...]
    since: date | None = None
    until: date | None = None
    base: Rates = field(default_factory=dict)
    tiers: tuple[Tier, ...] = ()
    per_image: int | None = None
    per_request: int | None = None

    @property
    def sells_tokens(self) -> bool:
        """Whether tokens have a price."""
        return bool(self.base)

    @property
    def sells_pictures(self) -> bool:
        """Whether tokens of images or video that are made have another price than those of text."""
        text = self.base.get("output")
        return self.base.get("image_output") != text or self.base.get("video_output") != text

    @property
    def is_known(self) -> bool:
        """Whether anything has a price."""
        return bool(self.base) or self.per_image is not None or self.per_request is not None

    def rates(self, input_tokens: int) -> Rates:
        """The rates of a request with so many input tokens."""
        found = self.base
        for tier in self.tiers:
            if input_tokens > tier.above:
                found = tier.rates
        return found

    def is_valid_on(self, day: date) -> bool:
        """Whether it holds on a day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


def price_of(entry: Mapping[str, Any]) -> Price:
    """The price in an entry of a table. Raises KeyError, TypeError, ValueError if the entry is invalid.

    The patterns of models are compared with names in lower case.
    """
    if entry["unit"] != UNIT:
        raise ValueError(f"unit must be {UNIT}")
    models = [entry["model"]] if "model" in entry else entry["models"]
    own = _amounts(entry, TOKENS)
    tiers = ((int(tier["above"]), own | _amounts(tier, TOKENS)) for tier in entry.get("tiers", ()))
    pieces = _amounts(entry, PIECES)
    return Price(
        vendor=entry["provider"],
        models=tuple(one.lower() for one in models),
        since=date.fromisoformat(entry["from"]) if "from" in entry else None,
        until=date.fromisoformat(entry["to"]) if "to" in entry else None,
        base=_completed(own),
        tiers=tuple(Tier(above, _completed(rates)) for above, rates in sorted(tiers, key=lambda tier: tier[0])),
        per_image=_piece(pieces, "per_image"),
        per_request=_piece(pieces, "per_request"),
    )


def amount(text: Any) -> int:
    """A decimal text of 0 to 10000 as a whole number of 10^-12. Raises ValueError.

    In USD per million tokens, that is a whole number of atto-USD per token.
    """
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise ValueError("must be a decimal in a text")
    whole, _, fraction = text.partition(".")
    found = int(whole + fraction.ljust(DECIMALS, "0"))
    if found > DEAREST * 10**DECIMALS:
        raise ValueError(f"must be at most {DEAREST}")
    return found


def _amounts(entry: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, int]:
    return {name: amount(entry[name]) for name in names if name in entry}


def _piece(amounts: Mapping[str, int], name: str) -> int | None:
    """The price of an image or a request in atto-USD."""
    return amounts[name] * (ATTO_USD // 10**DECIMALS) if name in amounts else None


def _completed(own: Rates) -> Rates:
    """The rates with those that are usual where a kind of tokens has none of its own."""
    rates = dict(own)
    for name, usual in _OTHERWISE.items():
        if name not in rates and usual in rates:
            rates[name] = rates[usual]
    if "cache_creation" not in own and "input" in own:  # then it costs nothing extra for any time
        rates.setdefault("cache_creation_1h", own["input"])
    return rates
