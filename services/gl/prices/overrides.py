"""Checks the content of a prices.json, and reads it into a table. Pure."""

from __future__ import annotations

from datetime import date
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from gecholog import config, schema
from gecholog.config import ConfigSpec
from gecholog.llm.price import DEAREST, DECIMALS, PIECES, TOKENS, amount, price_of
from gecholog.llm.price_table import PriceTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.config import ParsedConfig
    from gecholog.positions import Path
    from gecholog.schema import Violation

_SCHEMA = schema.load(FilePath(__file__).with_name("prices.schema.json"))
_AMOUNT = f'must be a decimal in a text, such as "2.50", from 0 to {DEAREST}, with at most {DECIMALS} decimals'
_DIGITS_OF_VERSION = 8


def config_spec() -> ConfigSpec:
    """The schema of prices.json, with its rules."""
    return ConfigSpec(_SCHEMA, (_unknown, _amounts, _models, _days))


def parse_overrides(data: bytes, source: str) -> PriceTable:
    """The table in the bytes of a prices.json. Raises ConfigError with all problems: no entry is left out."""
    return table_of(config.check(data, source, config_spec()))


def table_of(parsed: ParsedConfig) -> PriceTable:
    """The table of a valid file. Its version is the beginning of the file's SHA-256."""
    return PriceTable(parsed.sha256[:_DIGITS_OF_VERSION], map(price_of, parsed.values["prices"]))


def _unknown(values: dict[str, Any]) -> Iterator[Violation]:
    """A misspelled field would be a price that is missing."""
    for path in schema.unknown(_SCHEMA, values):
        yield path, "is not a field of prices.json"


def _amounts(values: dict[str, Any]) -> Iterator[Violation]:
    for place, entry in _entries(values):
        yield from _wrong_amounts(place, entry)
        for index, tier in enumerate(entry.get("tiers", ())):
            yield from _wrong_amounts((*place, "tiers", index), tier)


def _wrong_amounts(place: Path, fields: dict[str, Any]) -> Iterator[Violation]:
    for name in (*TOKENS, *PIECES):
        if name in fields:
            try:
                amount(fields[name])
            except ValueError:
                yield (*place, name), _AMOUNT


def _models(values: dict[str, Any]) -> Iterator[Violation]:
    for place, entry in _entries(values):
        if ("model" in entry) == ("models" in entry):
            yield place, "must have either model or models"


def _days(values: dict[str, Any]) -> Iterator[Violation]:
    for place, entry in _entries(values):
        days = {}
        for name in ("from", "to"):
            try:
                days[name] = date.fromisoformat(entry[name]) if name in entry else None
            except ValueError:
                yield (*place, name), "must be a day such as 2026-11-30"
        if (first := days.get("from")) and (last := days.get("to")) and last < first:
            yield (*place, "to"), "must not be before from"


def _entries(values: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for index, entry in enumerate(values.get("prices", ())):
        yield ("prices", index), entry
