"""The broker's config: what the file says, checked, as frozen objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog import gateway_config, host_port, logs, rawjson, schema
from gecholog.bus import BusAddress
from gecholog.config import ConfigSpec, ParsedConfig
from gecholog.rawjson import Raw
from gecholog.schema import Violation
from processors.broker.groups import Group, Refusal, WhenAllOut
from processors.broker.health import Limits
from processors.broker.strategies import STRATEGIES, Target, weighted

_HOST, _PORT = "localhost", 4222
_MINUTE = 60
_DISABLED_MINUTES = 10
_STRATEGY = "random"
# OpenAI's shape of an error, which SDKs read: https://platform.openai.com/docs/guides/error-codes
_REFUSAL = {
    "error": {
        "message": "no target is available, try again later",
        "type": "server_error",
        "code": "no_target_available",
    }
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the broker is on the bus. `bucket` is empty if nothing is to be shared."""

    bus: BusAddress
    topic: str
    bucket: str


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that broker_config.json says."""

    place: Place
    limits: Limits
    any_status_but_200: bool
    groups: tuple[Group, ...]


def config_spec() -> ConfigSpec:
    """The schema of broker_config.json and the rules beside it."""
    loaded = schema.load(Path(__file__).with_name("broker_config.schema.json"))
    return ConfigSpec(
        loaded,
        (_one_group_a_router, _targets, _some_weight),
        warnings=(_weights_in_use,),
        cross_file_warnings=(_routers_of_gl,),
    )


# ------------------------------------------------------------------ rules


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
    """The places of those that were there before; the schema speaks of those that are missing."""
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
    """Groups and targets go by paths of routers: those of gl_config.json in the same folder."""
    gateway = gateway_config.beside(folder)
    for number, group in enumerate(values["groups"] if gateway else ()):
        places = [("router",), *(("targets", index, "router") for index in range(len(group["targets"])))]
        routers = [group["router"], *(target["router"] for target in group["targets"])]
        for place, router in zip(places, routers, strict=True):
            if gateway and router not in gateway.routers:
                yield ("groups", number, *place), "is not the path of a router in gl_config.json"


def _strategy(group: dict[str, Any]) -> Any:
    return STRATEGIES.get(group.get("strategy", _STRATEGY))


# --------------------------------------------------------------- building


def build(parsed: ParsedConfig) -> Config:
    """The config of the processor."""
    values = parsed.values
    bus, shared = values["service_bus"], values.get("shared_state", {})
    logs.protect([bus["token"]])
    address = BusAddress(_address(bus.get("hostname", "")), bus["token"])
    bucket = shared.get("bucket", "gecholog_broker") if shared.get("enabled", True) else ""
    return Config(
        place=Place(address, bus["topic"], bucket),
        limits=_limits(values),
        any_status_but_200=values.get("any_status_but_200", False),
        groups=tuple(_group(entry) for entry in values["groups"]),
    )


def _address(text: str) -> str:
    """`host:port` of what may be without a port, without a host, or empty (GECHOLOG_HOST is not set)."""
    host, port = host_port.split(text)
    return host_port.join(host or _HOST, port or _PORT)


def _limits(values: dict[str, Any]) -> Limits:
    usual = Limits()
    minutes = values.get("disabled_minutes", "")
    return Limits(
        out=(_DISABLED_MINUTES if minutes == "" else float(minutes)) * _MINUTE,
        longest_retry_after=values.get("longest_retry_after_seconds", usual.longest_retry_after),
        probe=values.get("probe_seconds", usual.probe),
        failures=values.get("failures_to_disable", usual.failures),
    )


def _group(entry: dict[str, Any]) -> Group:
    refusal = entry.get("refusal", {})
    return Group(
        router=entry["router"],
        targets=tuple(Target(target["router"], target.get("weight", 1)) for target in entry["targets"]),
        strategy=STRATEGIES[entry.get("strategy", _STRATEGY)],
        failover=entry.get("failover", True),
        when_all_out=WhenAllOut(entry.get("when_all_out", WhenAllOut.REFUSE)),
        refusal=Refusal(refusal.get("status_code", 503), Raw(rawjson.dumps(refusal.get("body", _REFUSAL)))),
    )
