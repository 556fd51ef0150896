"""The state of the appliance for other programs: the file `run/state.json`, for healthcheck and for `make up`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from gecholog import atomic_file, regular_file
from gecholog.timer import rfc3339
from services.ginit.decision.state import SERVING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.ginit.decision.state import Appliance, Service


def as_json(appliance: Appliance, left_out: Sequence[dict[str, Any]], now: float, wall: int) -> dict[str, Any]:
    """The state as JSON.

    `left_out` are the entries of ginit's config that are left out. `now` is in seconds of the monotonic clock that the
    phases began by, `wall` in nanoseconds since 1970.
    """

    def entry(service: Service) -> dict[str, Any]:
        serving = service.phase in SERVING
        return {
            "name": service.name,
            "alias": service.definition.alias,
            "state": service.phase.value,
            "since": rfc3339(wall - int((now - service.since) * 1e9)),
            "starts": service.starts,
            "writes_checksum": service.writes_checksum,
            "checksum": service.last_good if serving else None,
            "reason": service.reason,
        }

    return {
        "healthy": appliance.healthy,
        "settled": appliance.settled,
        "problems": list(appliance.problems),
        "left_out": list(left_out),
        "services": [entry(service) for service in appliance.services],
    }


class StateFile:
    """The file with the state that was written last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[Appliance, Sequence[dict[str, Any]]] | None = None

    def write(self, appliance: Appliance, left_out: Sequence[dict[str, Any]] = ()) -> None:
        """Write the state if it has changed. Readers see the old text or the new, never a part. Raises OSError."""
        if (appliance, left_out) == self._last:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps(as_json(appliance, left_out, time.monotonic(), time.time_ns()))
        atomic_file.write(self._path, text.encode())
        self._last = appliance, left_out

    def read(self) -> dict[str, dict[str, Any]]:
        """The entries of the services by their names; empty if there is no valid file."""
        try:
            return {entry["name"]: entry for entry in json.loads(regular_file.read_text(self._path))["services"]}
        except (OSError, ValueError, LookupError):
            return {}

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
