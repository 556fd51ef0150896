"""The folder of the journal of one process. It is locked as long as the process lives.

A new folder has a hidden name until it is locked. Otherwise a process that looks for the folders of dead ones could
take it for one of them.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from gecholog import file_lock

if TYPE_CHECKING:
    from pathlib import Path

_LOCK = "lock"
_HIDDEN = "."
_STALE_AFTER_S = 60.0  # a process gives a folder its name at once, unless it has died


def create(folder: Path) -> int:
    """Create a folder and lock it, before others see it, until the returned file descriptor is closed. Raises OSError.

    Its parents are created if they are missing.
    """
    hidden = folder.with_name(_HIDDEN + folder.name)
    hidden.mkdir(parents=True, mode=0o700)
    descriptor = None
    try:
        descriptor = lock(hidden)
        hidden.rename(folder)
    except BaseException:
        if descriptor is not None:
            os.close(descriptor)
        remove(hidden)
        raise
    return descriptor


def lock(folder: Path) -> int:
    """Lock a folder until the returned file descriptor is closed. Raises OSError if another process has the lock."""
    return file_lock.acquire(folder / _LOCK)


def remove(folder: Path) -> None:
    """Remove a folder that is empty except for its lock."""
    with contextlib.suppress(OSError):
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def is_hidden(folder: Path) -> bool:
    """Tell whether a folder has no name yet."""
    return folder.name.startswith(_HIDDEN)


def remove_stale(hidden: Path) -> None:
    """Remove a folder without a name if the process that made it has died."""
    with contextlib.suppress(OSError):
        if time.time() - hidden.stat().st_mtime < _STALE_AFTER_S:
            return
        descriptor = lock(hidden)
        try:
            remove(hidden)
        finally:
            os.close(descriptor)
