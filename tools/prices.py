"""Write the table of models and their prices: `make prices`.

The prices come from the package genai-prices (MIT, https://github.com/pydantic/genai-prices), which is a tool of the
development environment only. What its table can say and ours cannot has no price here, and is counted: a model whose
price depends on the time of day, or that has no price for tokens. Such a model is in the table all the same, or a
pattern of another model might take it. Of a model that is matched by a regular expression only its very name is known.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from genai_prices.data import providers
from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    TieredPrices,
)

from gecholog.llm.price import DECIMALS, UNIT

TABLE = Path(__file__).parent.parent / "gecholog" / "llm" / "prices.json"

# Names of vendors: in the package, and in our table. Vendors that no provider of a config can be are left out.
VENDORS = {
    "anthropic": "anthropic",
    "aws": "bedrock",
    "azure": "azure",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "google": "google",
    "groq": "groq",
    "mistral": "mistral",
    "moonshotai": "moonshot",
    "openai": "openai",
    "openrouter": "openrouter",
    "x-ai": "xai",
}
# Prices by million tokens: in the package, and in our table. What is not listed is not in our table.
PRICES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_creation",
    "cache_write_1h_mtok": "cache_creation_1h",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
    "input_video_mtok": "video_input",
    "output_video_mtok": "video_output",
}


class Unsayable(Exception):
    """Something that our table has no words for."""


def table(today: date) -> tuple[dict[str, Any], Counter[str]]:
    """The table, and how many models have no price for which reason."""
    unpriced: Counter[str] = Counter()
    entries: list[dict[str, Any]] = []
    for provider in providers:
        if provider.id in VENDORS:
            for model in provider.models:
                try:
                    entries += _entries(VENDORS[provider.id], model)
                except Unsayable as reason:
                    unpriced[str(reason)] += 1
                    entries.append({"provider": VENDORS[provider.id], "models": _known(model), "unit": UNIT})
    source = f"genai-prices {version('genai-prices')} (MIT)"
    return {"version": today.isoformat(), "source": source, "prices": entries}, unpriced


def _entries(vendor: str, model: ModelInfo) -> Iterator[dict[str, Any]]:
    """An entry for each time from which other prices hold."""
    models = _known(model)
    for since, prices in _dated(model):
        begin = {"from": since.isoformat()} if since else {}
        yield {"provider": vendor, "models": models, "unit": UNIT, **begin, **_prices(prices)}


def _known(model: ModelInfo) -> list[str]:
    """The names of a model as patterns; its own name alone where patterns cannot say them all."""
    try:
        return list(_patterns(model.match))
    except Unsayable:
        return [model.id]


def _patterns(match: Any) -> Iterator[str]:
    """The names that a clause takes, as patterns with `*`."""
    match match:
        case ClauseEquals(equals=text):
            yield text
        case ClauseStartsWith(starts_with=text):
            yield f"{text}*"
        case ClauseEndsWith(ends_with=text):
            yield f"*{text}"
        case ClauseContains(contains=text):
            yield f"*{text}*"
        case ClauseOr(or_=clauses):
            for clause in clauses:
                yield from _patterns(clause)
        case ClauseAnd(and_=[ClauseStartsWith(starts_with=begin), ClauseEndsWith(ends_with=end)]):
            yield f"{begin}*{end}"
        case _:
            raise Unsayable("its names are not patterns with *")


def _dated(model: ModelInfo) -> list[tuple[date | None, ModelPrice]]:
    """Prices and the days from which they hold, the last day last."""
    if isinstance(model.prices, ModelPrice):
        return [(None, model.prices)]
    return [(_start_date(price), price.prices) for price in model.prices]


def _start_date(price: ConditionalPrice) -> date | None:
    match price.constraint:
        case None:
            return None
        case StartDateConstraint(start_date=since):
            return since
        case _:
            raise Unsayable("its prices depend on the time of day")


def _prices(prices: ModelPrice) -> dict[str, Any]:
    found = {ours: getattr(prices, theirs) for theirs, ours in PRICES.items()}
    if found["input"] is None and found["output"] is None:
        raise Unsayable("it has no price for tokens")
    plain = {name: _text(price) for name, price in found.items() if price is not None}
    starts = {tier.start for price in found.values() if isinstance(price, TieredPrices) for tier in price.tiers}
    tiers = [{"above": start} | _tier(found, start) for start in sorted(starts)]
    return plain | ({"tiers": tiers} if tiers else {})


def _tier(prices: dict[str, Any], start: int) -> dict[str, str]:
    """The prices that are others for requests of more than `start` input tokens."""
    return {
        name: _plain(tier.price)
        for name, price in prices.items()
        if isinstance(price, TieredPrices)
        for tier in price.tiers
        if tier.start == start
    }


def _text(price: Decimal | TieredPrices) -> str:
    return _plain(price.base if isinstance(price, TieredPrices) else price)


def _plain(price: Decimal) -> str:
    """A decimal without an exponent and without zeros at its end.

    More than twelve decimals are noise: a few prices of the package were quotients in floating point.
    """
    text = f"{round(price, DECIMALS):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def written(value: dict[str, Any]) -> bytes:
    """The table as JSON, an entry a line: an update is then easy to review."""
    entries = value.pop("prices")
    head = orjson.dumps(value, option=orjson.OPT_INDENT_2).removesuffix(b"\n}")
    return head + b',\n  "prices": [\n    ' + b",\n    ".join(map(orjson.dumps, entries)) + b"\n  ]\n}\n"


def main() -> int:
    """Write the table; tell what is in it."""
    found, unpriced = table(datetime.now(UTC).date())
    entries = len(found["prices"])
    TABLE.write_bytes(written(found))
    sys.stdout.write(f"{TABLE}: {entries} prices\n")
    sys.stdout.writelines(f"  without a price: {count} models: {reason}\n" for reason, count in unpriced.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
