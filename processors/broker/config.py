"""The config of the broker as frozen objects, and the rules that its schema cannot express."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog import bus_section, gateway_config, logs, rawjson, schema
from gecholog.bus_address import BusAddress
from gecholog.bus_storage import BusStorage
from gecholog.config import ConfigSpec, ParsedConfig
from gecholog.rawjson import Raw
from gecholog.schema import Violation
from gecholog.server_address import ServerAddress
from processors.broker.groups import Group, UnavailableResponse, WhenAllOpen
from processors.broker.health import BreakerPolicy
from processors.broker.strategies import STRATEGIES, Target, weighted

_HOST = "localhost"
_MINUTE = 60
_DISABLED_MINUTES = 10
_STRATEGY = "random"
# In OpenAI's error format, which SDKs display: https://platform.openai.com/docs/guides/error-codes
_UNAVAILABLE_BODY = {
    "error": {
        "message": "no target is available, try again later",
        "type": "server_error",
        "code": "no_target_available",
    }
}


@dataclass(frozen=True, slots=True)
class BusLocation:
    """The bus, subject and key-value bucket of the broker. `bucket` is empty if replicas do not share health."""

    bus: BusAddress
    topic: str
    bucket: str
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Config:
    """The content of broker_config.json."""

    location: BusLocation
    policy: BreakerPolicy
    any_status_but_200: bool
    groups: tuple[Group, ...]


def config_spec() -> ConfigSpec:
    """Return the schema and rules of broker_config.json."""
    loaded = schema.load(Path(__file__).with_name("broker_config.schema.json"))
    return ConfigSpec(
        loaded,
        (_service_bus, _one_group_a_router, _targets, _some_weight),
        warnings=(_weights_in_use,),
        cross_file_warnings=(_routers_of_gl,),
    )


# ------------------------------------------------------------------ rules


def _service_bus(values: dict[str, Any]) -> Iterator[Violation]:
    """Check the bus as all services do, except that an address may lack its port or its host."""
    bus = values.get("service_bus", {})
    yield from bus_section.rules({"service_bus": bus | {"hostname": _servers(bus.get("hostname", ""))}})


def _one_group_a_router(values: dict[str, Any]) -> Iterator[Violation]:
    for index in _repeated(group.get("router") for group in values.get("groups", ())):
        yield ("groups", index, "router"), "is already the router of another group"


def _targets(values: dict[str, Any]) -> Iterator[Violation]:
    for number, group in enumerate(values.get("groups", ())):
        routers = [target.get("router") for target in group.get("targets", ())]
        for index in _repeated(routers):
            yield ("groups", number, "targets", index, "router"), "is already a target of this group"
        for index, router in enumerate(routers):
            if router is not None and router == group.get("router"):
                yield ("groups", number, "targets", index, "router"), "must not be the router of its own group"


def _repeated(routers: Iterator[str | None] | list[str | None]) -> Iterator[int]:
    """Yield the indexes of duplicates. The schema reports missing values."""
    seen: set[str] = set()
    for index, router in enumerate(routers):
        if router in seen:
            yield index
        if router is not None:
            seen.add(router)


def _some_weight(values: dict[str, Any]) -> Iterator[Violation]:
    for number, group in enumerate(values.get("groups", ())):
        weights = [target.get("weight", 1) for target in group.get("targets", ())]
        if _strategy(group) is weighted and weights and not any(weights):
            yield ("groups", number, "targets"), "must have a target with a weight above 0"


def _weights_in_use(values: dict[str, Any]) -> Iterator[Violation]:
    for number, group in enumerate(values["groups"]):
        for index, target in enumerate(group["targets"]):
            if "weight" in target and _strategy(group) is not weighted:
                yield ("groups", number, "targets", index, "weight"), "has no effect without the strategy weighted"


def _routers_of_gl(values: dict[str, Any], folder: Path) -> Iterator[Violation]:
    """Check that groups and targets are routers of gl_config.json in the same directory."""
    gateway = gateway_config.beside(folder)
    for number, group in enumerate(values["groups"] if gateway else ()):
        places = [("router",), *(("targets", index, "router") for index in range(len(group["targets"])))]
        routers = [group["router"], *(target["router"] for target in group["targets"])]
        for location, router in zip(places, routers, strict=True):
            if gateway and router not in gateway.routers:
                yield ("groups", number, *location), "is not the path of a router in gl_config.json"


def _strategy(group: dict[str, Any]) -> Any:
    return STRATEGIES.get(group.get("strategy", _STRATEGY))


# --------------------------------------------------------------- building


def build(parsed: ParsedConfig) -> Config:
    """Build the config from checked values."""
    values = parsed.values
    bus, shared = values["service_bus"], values.get("shared_state", {})
    address = BusAddress.of_section(bus | {"hostname": _servers(bus.get("hostname", ""))})
    logs.protect(address.credentials.secrets)
    storage = BusStorage.of_section(bus)
    bucket = shared.get("bucket", storage.bucket("broker")) if shared.get("enabled", True) else ""
    return Config(
        location=BusLocation(address, bus["topic"], bucket, storage.replicas),
        policy=_policy(values),
        any_status_but_200=values.get("any_status_but_200", False),
        groups=tuple(_group(entry) for entry in values["groups"]),
    )


def _servers(configured: str | list[str]) -> str | list[str]:
    """Return the addresses in full. One may lack its port or its host, or be empty if GECHOLOG_HOST is not set."""
    if isinstance(configured, list):
        return [_in_full(text) for text in configured]
    return ",".join(_in_full(text.strip()) for text in configured.split(","))


def _in_full(text: str) -> str:
    text = text if text and not text.startswith(":") else f"{_HOST}{text}"
    try:
        return text if "://" in text else str(ServerAddress.parse(text))
    except ValueError:
        return text  # the rules report it


def _policy(values: dict[str, Any]) -> BreakerPolicy:
    defaults = BreakerPolicy()
    minutes = values.get("disabled_minutes", "")
    return BreakerPolicy(
        open_s=(_DISABLED_MINUTES if minutes == "" else float(minutes)) * _MINUTE,
        max_retry_after_s=values.get("longest_retry_after_seconds", defaults.max_retry_after_s),
        probe_timeout_s=values.get("probe_seconds", defaults.probe_timeout_s),
        failure_threshold=values.get("failures_to_disable", defaults.failure_threshold),
    )


def _unavailable(values: dict[str, Any]) -> UnavailableResponse:
    body = rawjson.dumps(values.get("body", _UNAVAILABLE_BODY))
    return UnavailableResponse(values.get("status_code", 503), Raw(body))


def _group(entry: dict[str, Any]) -> Group:
    return Group(
        router=entry["router"],
        targets=tuple(Target(target["router"], target.get("weight", 1)) for target in entry["targets"]),
        strategy=STRATEGIES[entry.get("strategy", _STRATEGY)],
        failover=entry.get("failover", True),
        when_all_open=WhenAllOpen(entry.get("when_all_out", WhenAllOpen.REFUSE)),
        unavailable=_unavailable(entry.get("refusal", {})),
    )
