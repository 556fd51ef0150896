"""The config of the token counter as frozen objects, and the rules that its schema cannot express."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from gecholog import bus_section, gjson, logs, schema
from gecholog.bus_address import BusAddress
from gecholog.bus_storage import BusStorage
from gecholog.config import ConfigSpec, ParsedConfig
from gecholog.duplicates import duplicates
from gecholog.positions import Path
from gecholog.schema import Violation
from processors.tokencounter import config_warnings
from processors.tokencounter.closing import CAPS, USAGE, closes
from processors.tokencounter.counters import Caps
from processors.tokencounter.usage import CapRefusal, Rules, UsagePattern

_SLIDING = "sliding"


@dataclass(frozen=True, slots=True)
class Config:
    """The content of tokencounter_config.json. `period` is in seconds. With `sliding`, the last period counts."""

    bus: BusAddress
    storage: BusStorage
    topic: str
    period: int
    sliding: bool
    caps: Caps
    rules: Rules

    @property
    def location(self) -> tuple[BusAddress, BusStorage, str]:
        """The bus, what is kept there, and the subject: another one needs another connection."""
        return self.bus, self.storage, self.topic


def config_spec() -> ConfigSpec:
    """Return the schema and rules of tokencounter_config.json."""
    loaded = schema.load(FilePath(__file__).with_name("tokencounter_config.schema.json"))
    return ConfigSpec(
        loaded,
        (bus_section.rules, _one_cap_a_field, _value_of_another_name, _paths),
        remaining=(_one_entry_a_router,),
        warnings=(config_warnings.never_counted,),
        closes=closes,
        cross_file_warnings=(config_warnings.unsupported_by_gateway,),
    )


def _one_cap_a_field(values: dict[str, Any]) -> Iterator[Violation]:
    for index, entry in enumerate(values.get(CAPS, ())):
        items = enumerate(entry.get("fields", ()))
        fields = [
            ((CAPS, index, "fields", number, "field"), item["field"]) for number, item in items if "field" in item
        ]
        yield from duplicates(fields, "two caps of a router must not have the same field")


def _value_of_another_name(values: dict[str, Any]) -> Iterator[Violation]:
    """Reject a cap whose `value` is misspelt. A missing value is no cap, but an unknown field suggests a mistake."""
    for index, entry in enumerate(values.get(CAPS, ())):
        for number, item in enumerate(entry.get("fields", ())):
            if "value" not in item and item.keys() - {"field"}:
                yield (CAPS, index, "fields", number, "value"), "is missing, and the entry has an unknown field"


def _paths(values: dict[str, Any]) -> Iterator[Violation]:
    """Check that each pattern is one path or a sum of several. The schema reports empty ones."""
    for index, entry in enumerate(values.get(USAGE, ())):
        for number, item in enumerate(entry.get("patterns", ())):
            place = (USAGE, index, "patterns", number)
            if "pattern" not in item and "sum" not in item:
                yield (*place, "pattern"), "is missing (or set sum)"
            if "pattern" in item and "sum" in item:
                yield (*place, "sum"), "must not be combined with pattern"
            yield from _bad_path((*place, "pattern"), item.get("pattern"))
            for part, text in enumerate(item.get("sum", ())):
                yield from _bad_path((*place, "sum", part), text)


def _bad_path(place: Path, text: str | None) -> Iterator[Violation]:
    try:
        gjson.parse(text or "x")
    except ValueError as error:
        yield place, str(error)


def _one_entry_a_router(values: dict[str, Any]) -> Iterator[Violation]:
    for name in (CAPS, USAGE):
        routers = [((name, index, "router"), entry["router"]) for index, entry in enumerate(values.get(name, ()))]
        yield from duplicates(routers, "two entries must not have the same router")


def build(parsed: ParsedConfig) -> Config:
    """The config of the processor."""
    values = parsed.values
    bus = values["service_bus"]
    address = BusAddress.of_section(bus)
    logs.protect(address.credentials.secrets)
    return Config(
        bus=address,
        storage=BusStorage.of_section(bus),
        topic=bus["topic"],
        period=int(values["cap_period_seconds"]),
        sliding=values.get("cap_window") == _SLIDING,
        caps={entry["router"]: _cap(entry) for entry in values.get(CAPS, ())},
        rules=Rules({entry["router"]: _patterns(entry) for entry in values[USAGE]}, _refusal(values), _closed(parsed)),
    )


def _refusal(values: dict[str, Any]) -> CapRefusal:
    usual = CapRefusal()
    return CapRefusal(values.get("cap_status_code", usual.status), values.get("cap_no_retry", usual.no_retry))


def _closed(parsed: ParsedConfig) -> dict[str, str]:
    """Return the closed routers, each with the invalid entry."""
    return {router: one.problems[0].path for one in parsed.left_out for router in one.closes}


def _cap(entry: dict[str, Any]) -> dict[str, int]:
    return {item["field"]: int(item.get("value", 0)) for item in entry["fields"]}


def _patterns(entry: dict[str, Any]) -> tuple[UsagePattern, ...]:
    return tuple(
        UsagePattern(item["field"], tuple(gjson.parse(text) for text in item.get("sum") or [item["pattern"]]))
        for item in entry["patterns"]
    )
