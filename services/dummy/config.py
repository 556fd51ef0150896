"""The config of the dummy as frozen objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gecholog import logs, schema
from gecholog.config import ConfigSpec, ParsedConfig
from services.dummy.behaviour import Behaviour


@dataclass(frozen=True, slots=True)
class Config:
    """The content of dummy_config.json."""

    host: str
    port: int
    behaviour: Behaviour
    api_keys: tuple[str, ...] = field(default=(), repr=False)


def config_spec() -> ConfigSpec:
    """Return the schema of dummy_config.json."""
    return ConfigSpec(schema.load(Path(__file__).with_name("dummy_config.schema.json")))


def build(parsed: ParsedConfig) -> Config:
    """The config of the service."""
    values = parsed.values
    keys = tuple(values.get("api_keys", ()))
    logs.protect(keys)
    return Config(
        host=values.get("host", "127.0.0.1"),
        port=int(values["port"]),
        behaviour=_behaviour(values),
        api_keys=keys,
    )


def _behaviour(values: dict[str, Any]) -> Behaviour:
    return Behaviour(
        latency=values.get("latency_ms", 0) / 1000,
        chunks=int(values.get("chunks", 0)),
        chunk_delay=values.get("chunk_delay_ms", 0) / 1000,
        error_rate=values.get("error_rate", 0),
    )
