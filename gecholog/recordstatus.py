"""The state of a gateway's records: a small file that the gateway writes, and that ginit and healthcheck read.

The file is `HOME/run/records-ALIAS.json`. Its space is allocated when the gateway starts, and it is overwritten in
place: on a full disk, when it matters most, a new file could not be written.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from gecholog import regular_file

_SIZE = 4096  # bytes of the file, padded with spaces
_LONGEST_REASON = 300  # characters, which must fit even when they are escaped as JSON


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """The state of a gateway's records.

    `failing` means that records are not stored now, or that some were lost in the last minute, and `reason` says why.
    `stalled` means that the bus answers but the stream of records does not; restarting nats-server helps. `waiting`
    records are in the journal, and `held` ones in memory because the journal cannot take them. `lost` and `damaged`
    (unreadable places in journals of earlier processes) are totals since the file was first written.
    """

    failing: bool = False
    stalled: bool = False
    reason: str = ""
    waiting: int = 0
    held: int = 0
    lost: int = 0
    damaged: int = 0


class RecordStatusStore(Protocol):
    """Where the status is kept for others."""

    def write(self, status: RecordStatus) -> None:
        """Replace the status. Raises OSError."""

    def read(self) -> RecordStatus | None:
        """The last status, or None if none can be read."""


class RecordStatusFile:
    """The status file of one gateway."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, alias: str, home: Path) -> RecordStatusFile:
        """The file of the gateway with this alias."""
        return cls(home / "run" / f"records-{alias}.json")

    def write(self, status: RecordStatus) -> None:
        """Overwrite the file. Readers that see half of it read again later. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        said = asdict(status) | {"reason": status.reason[:_LONGEST_REASON]}
        text = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(file, text.ljust(max(_SIZE, os.fstat(file).st_size)), 0)
        finally:
            os.close(file)

    def read(self) -> RecordStatus | None:
        """The last status, or None if none can be read."""
        try:
            return _status(json.loads(regular_file.read_text(self._path)))
        except (OSError, ValueError):
            return None


def _status(said: Any) -> RecordStatus | None:
    """The status in JSON. Values of a wrong type, which no gateway writes, keep their defaults."""
    if not isinstance(said, dict):
        return None
    usual = RecordStatus()
    known = {field.name: type(getattr(usual, field.name)) for field in fields(RecordStatus)}
    return RecordStatus(**{name: said[name] for name, kind in known.items() if type(said.get(name)) is kind})
