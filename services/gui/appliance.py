"""The state of the appliance, from the files that ginit and the services write into the home folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gecholog import health, regular_file
from gecholog.health import ChecksumFile
from gecholog.left_out import phrases
from gecholog.recordstatus import RecordStatusFile

APPLIANCE = "ginit"
"""The service that manages the others; it is healthy when they are."""


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """A service: `state` is what ginit says, or `off` for one that is healthy and has nothing to do."""

    name: str
    state: str
    reason: str
    since: float
    starts: int
    checksum: str
    left_out: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        return self.state in {"healthy", "off"}


@dataclass(frozen=True, slots=True)
class Appliance:
    """All services. `is_managed` is false if no appliance runs in this home: the interface runs alone then."""

    is_managed: bool
    is_healthy: bool
    services: tuple[ServiceHealth, ...]
    problems: tuple[str, ...]


def read(home: Path) -> Appliance:
    """The state as the files have it now."""
    state = _state(home)
    entries = [entry for entry in state.get("services", ()) if isinstance(entry, dict)]
    records = [status for entry in entries if (status := _record_problem(home, entry))]
    refused = [
        f"config refused: {one.get('file')} ({one.get('reason')})"
        for one in state.get("refused") or ()
        if isinstance(one, dict)
    ]
    problems = (*(str(text) for text in state.get("problems") or ()), *records, *refused)
    return Appliance(
        is_managed=bool(state) and health.last_heartbeat(APPLIANCE, home) is not None,
        is_healthy=health.in_force(APPLIANCE, home) is not None,
        services=tuple(_service(home, entry) for entry in entries),
        problems=tuple(dict.fromkeys(problems)),
    )


def _service(home: Path, entry: Mapping[str, Any]) -> ServiceHealth:
    alias = _alias(entry)
    checksum_file = ChecksumFile.of(alias, home)
    report = checksum_file.read_report() or {}
    state = str(entry.get("state", "unknown"))
    return ServiceHealth(
        name=str(entry.get("name", "")),
        state="off" if state == "healthy" and report.get("off") is True else state,
        reason=str(entry.get("reason") or ""),
        since=_time(entry.get("since")),
        starts=int(entry.get("starts") or 0),
        checksum=health.in_force(alias, home) or "",
        left_out=tuple(phrases(report.get("left_out") or ())),
    )


def _record_problem(home: Path, entry: Mapping[str, Any]) -> str:
    status = RecordStatusFile.of(_alias(entry), home).read()
    return f"records of {entry.get('name')}: {status.reason}" if status is not None and status.failing else ""


def _alias(entry: Mapping[str, Any]) -> str:
    return str(entry.get("alias") or entry.get("name") or "").replace("/", "_")


def _time(value: Any) -> float:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return 0.0


def _state(home: Path) -> dict[str, Any]:
    try:
        state = json.loads(regular_file.read_text(home / "run" / "state.json"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def unwell(found: Appliance) -> Iterator[ServiceHealth]:
    """The services that are not well."""
    return (service for service in found.services if not service.is_well)
