"""The file with which gl starts while the bus is away. Its time says when the keys were last those of the bucket."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from gecholog import atomic_file, regular_file
from gecholog.keys.reading import InvalidEntry
from gecholog.keys.state import KeyState, state_of
from gecholog.logs import Log

log = Log("keys")

_MODE = 0o600


def path_of(home: Path, alias: str) -> Path:
    """The mirror of the gateway with this alias."""
    return home / "keys" / f"{alias}.json"


class Mirrored(NamedTuple):
    """The entries in a mirror, and how many seconds ago they were those of the bucket."""

    state: KeyState
    ago: float


class Mirror:
    """The mirror of one gateway."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, bucket: str) -> Mirrored | None:
        """The entries of a bucket; None if there is no mirror of it. A mirror that cannot be read is logged."""
        try:
            written = self.path.stat().st_mtime
            state = state_of(regular_file.read_bytes(self.path), bucket)
        except FileNotFoundError:
            return None
        except (OSError, InvalidEntry) as error:
            log.error("mirror of client keys cannot be read", file=str(self.path), reason=str(error))
            return None
        return Mirrored(state, max(0.0, time.time() - written))

    def write(self, data: bytes) -> None:
        """Replace the mirror. Raises OSError."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_file.write(self.path, data, _MODE, fsync=True)

    def touch(self) -> None:
        """Note that the entries are those of the bucket now. Raises OSError."""
        os.utime(self.path)


class SharedMirror(Mirror):
    """The mirror in a process that reads it at its start, and leaves the writing to another process."""

    def write(self, data: bytes) -> None:
        """Do nothing."""

    def touch(self) -> None:
        """Do nothing."""
