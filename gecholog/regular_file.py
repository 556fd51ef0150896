"""Reading files that a user named, or dropped into a folder: never waits, never takes more than a limit.

Opening a FIFO waits for a writer, and `/dev/zero` has no end. So a file is opened without blocking, and read only if
it is a regular file (links are followed) of a bounded size.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST = 16 * 1024 * 1024
"""Bytes that a config file, a certificate, or another small file may have."""

_CHUNK = 1024 * 1024  # bytes
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFDIR: "a directory",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Irregular(OSError):
    """A path that leads to something that is not read; `strerror` says what it is, as for any OSError."""


def read_bytes(path: str | os.PathLike[str], limit: int = LARGEST) -> bytes:
    """The content of a regular file.

    Raises Irregular if the path leads to something else, or to more than `limit` bytes. Raises another OSError if the
    file is missing or may not be read. A file that shrinks or grows meanwhile is read to its end as it is then.
    """
    descriptor = _opened(path)
    try:
        _check(os.fstat(descriptor), path, limit)
        return _content(descriptor, path, limit)
    finally:
        os.close(descriptor)


def read_text(path: str | os.PathLike[str], encoding: str = "utf-8", limit: int = LARGEST) -> str:
    """As `read_bytes`, decoded. Raises UnicodeDecodeError as well."""
    return read_bytes(path, limit).decode(encoding)


def why_not(path: str | os.PathLike[str], limit: int = LARGEST) -> str:
    """Why `read_bytes` would fail, as in "is a FIFO, not a regular file"; empty if it would not."""
    try:
        check(path, limit)
    except OSError as error:
        return reason(error)
    return ""


def reason(error: OSError) -> str:
    """What an error of this module says of its file, as the end of a sentence that begins with the file."""
    text = error.strerror or type(error).__name__
    return text if isinstance(error, Irregular) else f"cannot be read: {text}"


def check(path: str | os.PathLike[str], limit: int = LARGEST) -> None:
    """Raise what `read_bytes` would, for a file that a library is going to open by its name."""
    descriptor = _opened(path)
    try:
        _check(os.fstat(descriptor), path, limit)
    finally:
        os.close(descriptor)


def _opened(path: str | os.PathLike[str]) -> int:
    try:
        status = Path(path).stat()
    except ValueError as error:  # it holds a NUL
        raise Irregular(errno.EINVAL, "is not a path", os.fspath(path)) from error
    if not stat.S_ISREG(status.st_mode):  # opening a device may have an effect, and a socket cannot be opened
        raise _irregular(path, status.st_mode)
    # by now it may be something else, so: no waiting, and another look (`_check`)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)


def _check(status: os.stat_result, path: str | os.PathLike[str], limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _irregular(path, status.st_mode)
    if status.st_size > limit:
        raise _too_large(path, limit)


def _content(descriptor: int, path: str | os.PathLike[str], limit: int) -> bytes:
    """All of it. The size that a file has at first is no promise: it may grow, and below /proc it is 0."""
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
