"""Write a file as a whole: who reads it sees the old content or the new one, and a crash leaves one of them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MODE = 0o640  # less what the umask takes away


def replace(path: Path, data: bytes, like: os.stat_result | None = None) -> None:
    """Put a file with this content in the place of `path`, with owner and mode of `like` if that is given.

    Raises OSError, also if the owner cannot be kept; nothing has changed then.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)  # what a process of the same number left behind
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
            file.write(data)
            if like is not None:
                _be_like(file.fileno(), like)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _be_like(file: int, like: os.stat_result) -> None:
    mine = os.fstat(file)
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(file, like.st_uid, like.st_gid)
    os.fchmod(file, stat.S_IMODE(like.st_mode))
