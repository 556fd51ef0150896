"""How the records of a gateway fare: a small file that the gateway writes, and that ginit and healthcheck read.

It is `HOME/run/records-ALIAS.json`. Its bytes are allocated when the gateway starts and written over in place: on a
full disk, which is when it matters most, a new file could not be written.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gecholog import regular_file

_SIZE = 4096  # bytes of the file, padded with spaces
_LONGEST_REASON = 300  # characters; escaped as JSON they have to fit


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """What a gateway says of its records.

    `failing`: records are not stored now, or some were lost in the last minute; `reason` says why. `stalled`: the bus
    answers, and the stream of records does not; restarting nats-server is the remedy. `waiting` records are in the
    journal, `held` in memory because the journal does not take them. `lost` and `damaged` (unreadable places in
    journals of earlier processes) are totals since the file was first written.
    """

    failing: bool = False
    stalled: bool = False
    reason: str = ""
    waiting: int = 0
    held: int = 0
    lost: int = 0
    damaged: int = 0


class RecordStatusFile:
    """The file of one gateway."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, alias: str, home: Path) -> RecordStatusFile:
        """The file of the gateway with this alias."""
        return cls(home / "run" / f"records-{alias}.json")

    def write(self, status: RecordStatus) -> None:
        """Write over what is there; readers who meet a half-written text read again later. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        said = asdict(status) | {"reason": status.reason[:_LONGEST_REASON]}
        text = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(file, text.ljust(max(_SIZE, os.fstat(file).st_size)), 0)
        finally:
            os.close(file)

    def read(self) -> RecordStatus | None:
        """What was written last; None if there is nothing that can be read."""
        try:
            return _status(json.loads(regular_file.read_text(self._path)))
        except (OSError, ValueError):
            return None


def _status(said: Any) -> RecordStatus | None:
    """The status that was written. Values of another type, which no gateway writes, are left at their defaults."""
    if not isinstance(said, dict):
        return None
    usual = RecordStatus()
    known = {field.name: type(getattr(usual, field.name)) for field in fields(RecordStatus)}
    return RecordStatus(**{name: said[name] for name, kind in known.items() if type(said.get(name)) is kind})
