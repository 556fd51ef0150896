"""Warnings about a valid config: caps that never apply, or too late. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gecholog import gateway_config
from gecholog.gateway_config import GatewayConfig
from gecholog.schema import Violation
from processors.tokencounter.closing import CAPS, USAGE, has_cap
from processors.tokencounter.usage import DEFAULT

# The counts of OpenAI's chat and completions. A stream has them only if the request asks for them.
_ONLY_IF_ASKED = tuple(f"inbound_payload.usage.{name}_tokens" for name in ("prompt", "completion", "total"))


def never_counted(values: dict[str, Any]) -> Iterator[Violation]:
    """Yield caps on fields that no pattern of the router counts."""
    for index, number, item in _capped_fields(values):
        router = values[CAPS][index]["router"]
        if item["field"] not in {pattern["field"] for pattern in _patterns(values, router)}:
            path = (CAPS, index, "fields", number, "field")
            yield path, "is not counted by any pattern of this router (usage_fields), so the cap is never reached"


def unsupported_by_gateway(values: dict[str, Any], folder: Path) -> Iterator[Violation]:
    """Yield caps that gl_config.json in the same directory does not support."""
    gateway = gateway_config.beside(folder)
    if gateway is None:
        return
    topic = values["service_bus"]["topic"]
    for index, entry in enumerate(values.get(CAPS, ())):
        if has_cap(entry):
            path = (CAPS, index, "router")
            yield from ((path, rule) for rule in _not_done(gateway, topic, values, entry["router"]))


def _not_done(gateway: GatewayConfig, topic: str, values: dict[str, Any], router: str) -> Iterator[str]:
    if router not in gateway.routers:
        yield "is not the path of a router in gl_config.json"
        return
    asked = [one for one in gateway.processors if one.subject == topic and one.applies_to(router)]
    if not any(one.side == "request" and not one.is_async and "control" in one.writes for one in asked):
        yield "is a router whose requests the token counter does not see (request.processors): its cap is not enforced"
    told = [one for one in asked if one.side == "response"]
    if not told:
        yield "is a router whose responses the token counter does not see (response.processors): nothing is counted"
    elif not any("usage" in one.names for one in told):
        yield "is a router whose usage gl does not send (input_fields_include), so large responses are not counted"
    if router not in gateway.stream_usage and _needs_asking(_patterns(values, router)):
        yield "is a router without add_stream_usage, so OpenAI streams are counted only if the client asks for usage"


def _needs_asking(patterns: list[dict[str, Any]]) -> bool:
    paths = {path for pattern in patterns for path in (pattern.get("pattern"), *pattern.get("sum", ()))}
    return not paths.isdisjoint(_ONLY_IF_ASKED)


def _capped_fields(values: Mapping[str, Any]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    for index, entry in enumerate(values.get(CAPS, ())):
        for number, item in enumerate(entry["fields"]):
            if item.get("value", 0) > 0:
                yield index, number, item


def _patterns(values: Mapping[str, Any], router: str) -> list[dict[str, Any]]:
    entries: dict[str, list[dict[str, Any]]] = {entry["router"]: entry["patterns"] for entry in values[USAGE]}
    return entries.get(router) or entries.get(DEFAULT) or []
