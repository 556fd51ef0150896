"""Advisory file locks (flock(2)): one process at a time holds a lock, for as long as its descriptor is open."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def acquire(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file, lock it without waiting, and return the descriptor; closing it releases the lock.

    `flags` are those of open(2): a folder is opened with `os.O_RDONLY`. A new file is readable by its owner only.
    Raises BlockingIOError if another descriptor holds the lock, and OSError if the file cannot be opened or the file
    system has no locks.
    """
    while True:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the last holder removed the file after we had opened it


def is_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is the one at a path, neither removed nor replaced. Raises OSError."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def is_held(path: Path, flags: int = os.O_RDWR) -> bool:
    """Tell whether someone holds the lock of a file. False if the file is missing or cannot be locked here."""
    try:
        descriptor = acquire(path, flags | os.O_NONBLOCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    os.close(descriptor)
    return False
