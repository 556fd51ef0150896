"""What the configs of other services need from `gl_config.json`, if it is in the same folder.

It is read for warnings only. Its own problems are reported by gl; parts of another form are skipped here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog import config
from gecholog.errors import ConfigError

FILE = "gl_config.json"


@dataclass(frozen=True, slots=True)
class ProcessorEntry:
    """A processor in the config of gl: its subject, and the routers whose calls it is asked about (none: all of them).

    `names` are the fields in its `input_fields_include`.
    """

    side: str
    subject: str
    is_async: bool
    writes: frozenset[str]
    routers: frozenset[str]
    names: frozenset[str] = frozenset()

    def applies_to(self, router: str) -> bool:
        """Tell whether gl asks it about calls of this router."""
        return not self.routers or router in self.routers


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """The paths of all routers, valid or not; those of routers with `add_stream_usage`; and the processors."""

    routers: frozenset[str]
    stream_usage: frozenset[str]
    processors: tuple[ProcessorEntry, ...]


def beside(folder: Path) -> GatewayConfig | None:
    """The config of gl in `folder`; None if it is missing or cannot be read."""
    try:
        values = config.peek(config.read(folder / FILE), FILE)
    except ConfigError:
        return None
    routers = {path: entry for entry in _objects(values, "routers") if isinstance(path := entry.get("path"), str)}
    asking = {path for path, entry in routers.items() if _object(entry, "outbound").get("add_stream_usage") is True}
    return GatewayConfig(frozenset(routers), frozenset(asking), tuple(_processors(values)))


def _processors(values: Any) -> Iterator[ProcessorEntry]:
    for side in ("request", "response"):
        rows = _object(values, side).get("processors")
        for row in rows if isinstance(rows, list) else ():
            for entry in row if isinstance(row, list) else ():
                if isinstance(entry, dict):
                    yield ProcessorEntry(
                        side,
                        str(entry.get("service_bus_topic")),
                        entry.get("async") is True,
                        _texts(entry, "output_fields_write"),
                        _texts(entry, "routers"),
                        _texts(entry, "input_fields_include"),
                    )


def _object(value: Any, name: str) -> dict[str, Any]:
    part = value.get(name) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}


def _objects(value: Any, name: str) -> Iterator[dict[str, Any]]:
    part = value.get(name) if isinstance(value, dict) else None
    yield from (item for item in (part if isinstance(part, list) else ()) if isinstance(item, dict))


def _texts(entry: dict[str, Any], name: str) -> frozenset[str]:
    part = entry.get(name)
    return frozenset(text for text in (part if isinstance(part, list) else ()) if isinstance(text, str))
