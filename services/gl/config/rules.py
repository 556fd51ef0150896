"""The rules of gl_config.json that its schema cannot express. Pure."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from gecholog.duplicates import duplicates
from gecholog.headers import canonical
from services.gl.record.redaction import compiled
from services.gl.routing.cors import ANY
from services.gl.routing.routers import PORTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.schema import Violation

_TWICE = "must not contain the same name twice (case-insensitive)"


def different_topics(values: dict[str, Any]) -> Iterator[Violation]:
    bus = values.get("service_bus", {})
    seen: dict[str, str] = {}
    for name in ("topic", "topic_exact_isalive", "topic_exact_logger"):
        if name in bus and (other := seen.setdefault(bus[name], name)) != name:
            yield ("service_bus", name), f"must differ from service_bus.{other}"


def header_lists(values: dict[str, Any]) -> Iterator[Violation]:
    """Header names are case-insensitive: `Api-Key` and `api-key` are duplicates."""
    for field in ("masked_headers", "remove_headers"):
        if _has_twice(values.get(field, [])):
            yield (field,), _TWICE
    for index, router in enumerate(values.get("routers", [])):
        if _has_twice(router.get("outbound", {}).get("remove_headers", [])):
            yield ("routers", index, "outbound", "remove_headers"), _TWICE


def _has_twice(names: list[str]) -> bool:
    """Tell whether a name occurs in two letter cases. The schema rejects exact duplicates."""
    return len({canonical(name) for name in names}) < len(set(names))


def unique_in_row(values: dict[str, Any]) -> Iterator[Violation]:
    for side in ("request", "response"):
        for number, row in enumerate(values.get(side, {}).get("processors", [])):
            for field in ("name", "service_bus_topic"):
                place = (side, "processors", number)
                texts = [((*place, index, field), one[field]) for index, one in enumerate(row) if field in one]
                yield from duplicates(texts, f"two processors of a row must not have the same {field}")


def networks(values: dict[str, Any]) -> Iterator[Violation]:
    for index, text in enumerate(values.get("trusted_proxies", [])):
        try:
            ip_network(text)
        except ValueError:
            yield ("trusted_proxies", index), "must be an address or a network such as 10.0.0.0/8"


def cors(values: dict[str, Any]) -> Iterator[Violation]:
    for index, router in enumerate(values.get("routers", [])):
        place = ("routers", index, "ingress", "cors")
        rules = router.get("ingress", {}).get("cors", {})
        for field in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
            listed = rules.get(field, [])
            if ANY in listed and len(listed) > 1:
                yield (*place, field), "must not contain other values together with *, which means all"
        for number, origin in enumerate(rules.get("allow_origins", [])):
            if any(origin.startswith(f"{scheme}:") and origin.endswith(f":{port}") for scheme, port in PORTS.items()):
                yield (*place, "allow_origins", number), "must omit the default port of the scheme, as browsers do"


def redact(values: dict[str, Any]) -> Iterator[Violation]:
    for index, router in enumerate(values.get("routers", [])):
        for number, expression in enumerate(router.get("redact", [])):
            try:
                compiled(expression)
            except ValueError as error:
                yield ("routers", index, "redact", number), str(error)


def one_path_one_router(values: dict[str, Any]) -> Iterator[Violation]:
    paths = [(("routers", index, "path"), router["path"]) for index, router in enumerate(values.get("routers", []))]
    return duplicates(paths, "two routers must not have the same path")
