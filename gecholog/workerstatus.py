"""The workers of a gateway: a small file that its parent process writes, and that healthcheck reads.

The file is `HOME/run/workers-ALIAS.json`. A gateway that is one process has none.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gecholog import atomic_file, regular_file


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """How many workers there should be, how many serve calls, and how often one was restarted since the start.

    `pids` are the processes of the workers.
    """

    workers: int
    serving: int
    restarts: int
    pids: tuple[int, ...] = ()


class WorkerStatusFile:
    """The status file of one gateway."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, alias: str, home: Path) -> WorkerStatusFile:
        """The file of the gateway with this alias."""
        return cls(home / "run" / f"workers-{alias}.json")

    def write(self, status: WorkerStatus) -> None:
        """Replace the file. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.write(self._path, json.dumps(asdict(status)).encode(), 0o600)

    def read(self) -> WorkerStatus | None:
        """The last status, or None if none can be read."""
        try:
            return _status(json.loads(regular_file.read_text(self._path)))
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        """Remove the file: the gateway has stopped. Raises OSError."""
        self._path.unlink(missing_ok=True)


def _status(said: Any) -> WorkerStatus | None:
    """The status in JSON; None if it is something else."""
    match said:
        case {"workers": int(workers), "serving": int(serving), "restarts": int(restarts), "pids": [*pids]}:
            return WorkerStatus(workers, serving, restarts, tuple(pid for pid in pids if isinstance(pid, int)))
    return None
