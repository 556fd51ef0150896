"""Write a file as a whole: readers see the old content or the new one, and a crash leaves one of them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(
    path: Path, data: bytes, mode: int = 0o666, *, like: os.stat_result | None = None, fsync: bool = False
) -> None:
    """Replace the file at `path`, or make it, with this content.

    The new file has the owner and mode of `like`, or else `mode` less the umask. With `fsync` the content is on the
    disk before it takes the place of the old one, so that it outlives a power failure as well. Raises OSError, also if
    the owner cannot be kept; nothing has changed then.
    """
    temporary = path.with_name(f".{path.name.removeprefix('.')}.{os.getpid()}")
    temporary.unlink(missing_ok=True)  # what a process of the same number left behind
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            if like is not None:
                _be_like(file.fileno(), like)
            if fsync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _be_like(file: int, like: os.stat_result) -> None:
    mine = os.fstat(file)
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(file, like.st_uid, like.st_gid)
    os.fchmod(file, stat.S_IMODE(like.st_mode))
