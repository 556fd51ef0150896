"""The state of the appliance for other programs: the file `run/state.json`, for healthcheck and for `make up`."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog import atomic_file, regular_file
from gecholog.timer import rfc3339
from services.ginit.decision.state import SERVING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.ginit.decision.state import Appliance, ServiceState


@dataclass(frozen=True, slots=True)
class OwnConfig:
    """ginit's own config file: why it was refused on the last reload, if so, and the entries that are left out."""

    file: str = ""
    refusal: str = ""
    left_out: tuple[dict[str, Any], ...] = ()


def as_json(appliance: Appliance, own: OwnConfig, now: float, wall: int) -> dict[str, Any]:
    """The state as JSON.

    `now` is in seconds of the monotonic clock that the phases began by, `wall` in nanoseconds since 1970.
    """
    return {
        "healthy": appliance.healthy,
        "startup_over": appliance.startup_over,
        "problems": list(appliance.problems),
        "left_out": list(own.left_out),
        "refused": list(_refused(appliance, own)),
        "services": [_entry(service, now, wall) for service in appliance.services],
    }


def _entry(service: ServiceState, now: float, wall: int) -> dict[str, Any]:
    return {
        "name": service.name,
        "alias": service.definition.alias,
        "state": service.phase.value,
        "since": rfc3339(wall - int((now - service.since) * 1e9)),
        "starts": service.starts,
        "writes_checksum": service.writes_checksum,
        "checksum": service.last_good if service.phase in SERVING else None,
        "reason": service.reason,
    }


def _refused(appliance: Appliance, own: OwnConfig) -> Iterator[dict[str, Any]]:
    """The config files that are not in force as they are now."""
    if own.refusal:
        yield {"service": "ginit", "file": own.file, "sha256": None, "reason": own.refusal}
    for service in appliance.services:
        if refusal := service.refusal:
            file = str(service.definition.configuration_file)
            known = {"sha256": refusal.sha256 or None, "reason": refusal.reason}
            yield {"service": service.name, "file": file, **known}


class StateFile:
    """The file with the state that was written last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[Appliance, OwnConfig] | None = None

    def write(self, appliance: Appliance, own: OwnConfig) -> None:
        """Write the state if it has changed. Readers see the old text or the new, never a part. Raises OSError."""
        if (appliance, own) == self._last:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps(as_json(appliance, own, time.monotonic(), time.time_ns()))
        atomic_file.write(self._path, text.encode())
        self._last = appliance, own

    def read(self) -> dict[str, dict[str, Any]]:
        """The entries of the services by their names; empty if there is no valid file."""
        try:
            return {entry["name"]: entry for entry in json.loads(regular_file.read_text(self._path))["services"]}
        except (OSError, ValueError, LookupError, TypeError):
            return {}

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
