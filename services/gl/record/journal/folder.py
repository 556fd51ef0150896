"""The folder of one process's journal, locked while the process lives."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gecholog import file_lock

if TYPE_CHECKING:
    from pathlib import Path

_LOCK = "lock"


def lock(folder: Path) -> int:
    """Lock a folder for as long as the returned file is open. Raises OSError if somebody else has it."""
    return file_lock.acquire(folder / _LOCK)


def remove(folder: Path) -> None:
    """Remove a folder in which nothing else is left."""
    with contextlib.suppress(OSError):
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()
