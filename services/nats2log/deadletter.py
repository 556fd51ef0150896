"""The dead-letter file: one JSON object per line, with a rejected record and the reason."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog import rawjson
from gecholog.timer import rfc3339
from services.nats2log import permissions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.nats2log.entry import RecordEntry
    from services.nats2log.sinks.sink import Fault


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that was given up, and the reason."""

    entry: RecordEntry
    fault: Fault
    attempts: int

    def line(self, wall: int) -> bytes:
        """Return the line of the file. `wall` is the time in nanoseconds since 1970."""
        data = self.entry.data
        fields = {
            "time": rfc3339(wall),
            "reason": self.fault.reason,
            "details": self.fault.details,
            "attempts": self.attempts,
            "id": self.entry.id,
            "record": rawjson.Raw(data) if rawjson.is_json(data) else data.decode("utf-8", "replace"),
        }
        return rawjson.dumps({name: value for name, value in fields.items() if value != ""}) + b"\n"


class DeadLetterFile:
    """The file `HOME/log/ALIAS.deadletter.jsonl`. It is opened for each write, because it may be moved at any time."""

    def __init__(self, folder: Path, alias: str) -> None:
        self.path = folder / "log" / f"{alias}.deadletter.jsonl"

    async def add(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Append dead letters in one write. Raises OSError."""
        wall = time.time_ns()
        await asyncio.to_thread(self._append, b"".join([dead_letter.line(wall) for dead_letter in dead_letters]))

    def _append(self, lines: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab", buffering=0, opener=_opener) as file:
            permissions.restrict(file.fileno(), permissions.OWNER)
            before = file.tell()
            written = file.write(lines)
            if written != len(lines):  # the disk is full: leave no partial line
                file.truncate(before)
                raise OSError(28, "No space left on device")


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, permissions.OWNER)
