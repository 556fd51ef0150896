"""The folder of one process's journal, locked while the process lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LOCK = "lock"


def lock(folder: Path) -> int:
    """Lock a folder for as long as the returned file is open. Raises OSError if somebody else has it."""
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


def remove(folder: Path) -> None:
    """Remove a folder in which nothing else is left."""
    with contextlib.suppress(OSError):
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()
