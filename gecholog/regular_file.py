"""Reads files that a user named or dropped into a folder, without waiting and up to a limit.

Opening a FIFO waits for a writer, and `/dev/zero` has no end. So files are opened without blocking, and read only if
they are regular files (links are followed) of limited size.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST = 16 * 1024 * 1024
"""The limit in bytes for a config file, a certificate or another small file."""

_CHUNK = 1024 * 1024  # bytes
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFDIR: "a directory",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Irregular(OSError):
    """A path that leads to something other than a readable regular file; `strerror` says what."""


def read_bytes(path: str | os.PathLike[str], limit: int = LARGEST) -> bytes:
    """The content of a regular file.

    Raises Irregular if the path leads to something else, or if the file has more than `limit` bytes, and another
    OSError if the file is missing or cannot be read. A file that changes meanwhile is read to its present end.
    """
    descriptor = _opened(path)
    try:
        _check(os.fstat(descriptor), path, limit)
        return _content(descriptor, path, limit)
    finally:
        os.close(descriptor)


def read_text(path: str | os.PathLike[str], encoding: str = "utf-8", limit: int = LARGEST) -> str:
    """As `read_bytes`, decoded. Also raises UnicodeDecodeError."""
    return read_bytes(path, limit).decode(encoding)


def why_not(path: str | os.PathLike[str], limit: int = LARGEST) -> str:
    """Why `read_bytes` would fail, such as "is a FIFO, not a regular file"; empty if it would succeed."""
    try:
        check(path, limit)
    except OSError as error:
        return reason(error)
    return ""


def reason(error: OSError) -> str:
    """The reason in an error of this module, as the end of a sentence that begins with the file."""
    text = error.strerror or type(error).__name__
    return text if isinstance(error, Irregular) else f"cannot be read: {text}"


def check(path: str | os.PathLike[str], limit: int = LARGEST) -> None:
    """Raise what `read_bytes` would raise, for a file that a library will open by its name."""
    descriptor = _opened(path)
    try:
        _check(os.fstat(descriptor), path, limit)
    finally:
        os.close(descriptor)


def _opened(path: str | os.PathLike[str]) -> int:
    try:
        status = Path(path).stat()
    except ValueError as error:  # the path contains a NUL
        raise Irregular(errno.EINVAL, "is not a path", os.fspath(path)) from error
    if not stat.S_ISREG(status.st_mode):  # opening a device may have side effects, and a socket cannot be opened
        raise _irregular(path, status.st_mode)
    # it may have been replaced since, so open it without blocking, and check again (`_check`)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)


def _check(status: os.stat_result, path: str | os.PathLike[str], limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _irregular(path, status.st_mode)
    if status.st_size > limit:
        raise _too_large(path, limit)


def _content(descriptor: int, path: str | os.PathLike[str], limit: int) -> bytes:
    """Read all of it. The reported size is not reliable: a file may grow, and in /proc the size is 0."""
    parts = []
    left = limit + 1
    while left and (part := os.read(descriptor, min(_CHUNK, left))):
        parts.append(part)
        left -= len(part)
    if not left:
        raise _too_large(path, limit)
    return b"".join(parts)


def _irregular(path: str | os.PathLike[str], mode: int) -> Irregular:
    kind = _KINDS.get(stat.S_IFMT(mode), "something else")
    return Irregular(errno.EINVAL, f"is {kind}, not a regular file", os.fspath(path))


def _too_large(path: str | os.PathLike[str], limit: int) -> Irregular:
    return Irregular(errno.EFBIG, f"is larger than {_shown(limit)}", os.fspath(path))


def _shown(limit: int) -> str:
    mebibytes, rest = divmod(limit, 1024 * 1024)
    return f"{mebibytes} MiB" if mebibytes and not rest else f"{limit} bytes"
