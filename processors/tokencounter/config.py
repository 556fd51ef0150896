"""The token counter's config: what the file says, checked, as frozen objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog import gjson, logs, schema
from gecholog.bus import BusAddress
from gecholog.config import Blueprint, Document
from gecholog.schema import Finding
from processors.tokencounter.counters import Caps
from processors.tokencounter.usage import Pattern, Refusal, Rules

_SLIDING = "sliding"
_LISTS = {"token_caps": "fields", "usage_fields": "patterns"}


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that tokencounter_config.json says. `period` is in seconds; `sliding` counts over the last period."""

    bus: BusAddress
    topic: str
    period: int
    sliding: bool
    caps: Caps
    rules: Rules


def blueprint() -> Blueprint:
    """The schema of tokencounter_config.json and the rules beside it."""
    loaded = schema.load(Path(__file__).with_name("tokencounter_config.schema.json"))
    return Blueprint(loaded, (_one_field_once, _paths), remaining=(_one_entry_a_router,))


def _one_field_once(values: dict[str, Any]) -> Iterator[Finding]:
    for name, part in _LISTS.items():
        for index, entry in enumerate(values.get(name, ())):
            fields = [item.get("field") for item in entry.get(part, ())]
            if len(set(fields)) < len(fields):
                yield (name, index, part), "must not hold the same field twice"


def _paths(values: dict[str, Any]) -> Iterator[Finding]:
    for index, entry in enumerate(values.get("usage_fields", ())):
        for number, item in enumerate(entry.get("patterns", ())):
            try:
                gjson.parse(item.get("pattern") or "x")  # the schema speaks of those that are missing or empty
            except ValueError as error:
                yield ("usage_fields", index, "patterns", number, "pattern"), str(error)


def _one_entry_a_router(values: dict[str, Any]) -> Iterator[Finding]:
    for name in _LISTS:
        routers = [entry["router"] for entry in values.get(name, ())]
        if len(set(routers)) < len(routers):
            yield (name,), "must not hold two entries of one router"


def build(document: Document) -> Config:
    """Make a config of a checked document."""
    values = document.values
    bus = values["service_bus"]
    logs.protect([bus["token"]])
    return Config(
        bus=BusAddress(bus["hostname"], bus["token"]),
        topic=bus["topic"],
        period=int(values["cap_period_seconds"]),
        sliding=values.get("cap_window") == _SLIDING,
        caps={entry["router"]: _cap(entry) for entry in values.get("token_caps", ())},
        rules=Rules({entry["router"]: _patterns(entry) for entry in values["usage_fields"]}, _refusal(values)),
    )


def _refusal(values: dict[str, Any]) -> Refusal:
    usual = Refusal()
    return Refusal(values.get("cap_status_code", usual.status), values.get("cap_no_retry", usual.no_retry))


def _cap(entry: dict[str, Any]) -> dict[str, int]:
    return {item["field"]: int(item.get("value", 0)) for item in entry["fields"]}


def _patterns(entry: dict[str, Any]) -> tuple[Pattern, ...]:
    return tuple(Pattern(item["field"], gjson.parse(item["pattern"])) for item in entry["patterns"])
