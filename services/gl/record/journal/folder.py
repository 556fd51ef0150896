"""The folder of the journal of one process. It is locked as long as the process lives."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gecholog import file_lock

if TYPE_CHECKING:
    from pathlib import Path

_LOCK = "lock"


def lock(folder: Path) -> int:
    """Lock a folder until the returned file descriptor is closed. Raises OSError if another process has the lock."""
    return file_lock.acquire(folder / _LOCK)


def remove(folder: Path) -> None:
    """Remove a folder that is empty except for its lock."""
    with contextlib.suppress(OSError):
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()
