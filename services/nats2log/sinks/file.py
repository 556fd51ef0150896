"""The file sink: one record per line, one write per batch.

The file is checked before and after each batch, and recreated if it was moved or deleted. A write that fails halfway,
for example because the disk is full, is undone, so that the file contains whole lines only.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from itertools import count
from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.nats2log import permissions
from services.nats2log.config import FileWriter
from services.nats2log.shape import one_line
from services.nats2log.sinks.sink import Failure, Fault, FaultKind, Sink, fail_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import RecordEntry

log = Log("file")

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class FileSink:
    """Writes records as lines of a file."""

    def __init__(self, writer: FileWriter) -> None:
        self._writer = writer
        self._path = writer.filename
        self._file: int | None = None

    @property
    def path(self) -> Path:
        """The file that is written to. With the write mode `new`, it may differ from the one in the config."""
        return self._path

    async def open(self) -> None:
        """Open the file according to the write mode. Raises OSError, except if the disk is full."""
        try:
            await asyncio.to_thread(self._start)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise OSError(error.errno, f"cannot write to {self._path}: {error.strerror}") from error
            log.error("cannot open file", file=str(self._path), reason=error.strerror)

    async def write(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        try:
            await asyncio.to_thread(self._write, b"\n".join([*(one_line(entry.data) for entry in entries), b""]))
        except OSError as error:
            reason = f"{self._path}: {error.strerror or error}"
            return fail_all(entries, Fault(FaultKind.OUTAGE, reason))
        return []

    async def close(self) -> None:
        await asyncio.to_thread(self._close_file)

    # ------------------------------------------------------------ in a thread

    def _start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        mode = self._writer.write_mode
        if mode == "new":
            self._path = _free_name(self._writer.filename)
        self._protect_rotated()
        self._open(os.O_TRUNC if mode == "overwrite" else 0)
        log.info("opened file", file=str(self._path))

    def _open(self, flags: int = 0) -> None:
        self._close_file()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags |= os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(self._path, flags, permissions.GROUP_READS)
        self._protect(self._file)
        _complete_line(self._file)

    def _protect(self, file: int) -> None:
        wanted = self._writer.permissions
        if wanted is None:
            permissions.restrict(file, permissions.GROUP_READS)
        else:
            permissions.set_mode(file, wanted)

    def _protect_rotated(self) -> None:
        """Set the permissions of rotated files, which an earlier version or config may have created."""
        for number in count(1):
            try:
                file = os.open(_rotated(self._path, number), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError:
                return
            self._protect(file)
            os.close(file)

    def _write(self, lines: bytes) -> None:
        file = self._current()
        _append(file, lines)
        while os.fstat(file).st_nlink == 0:  # deleted during the write: these lines are gone
            self._open()
            file = self._current()
            _append(file, lines)
        if self._writer.fsync:
            os.fsync(file)
        if 0 < self._writer.rotate_bytes <= os.fstat(file).st_size:
            self._rotate()

    def _current(self) -> int:
        """Return the open file. It is reopened if the path leads to another file."""
        if self._file is None or not _is_same_file(self._path, self._file):
            if self._file is not None:
                log.info("file was moved or deleted, reopening", file=str(self._path))
            self._open()
        if self._file is None:
            raise OSError(errno.EBADF, "file not open")
        return self._file

    def _rotate(self) -> None:
        """Rename `name` to `name.1`, the previous one to `name.2`, and so on. The oldest one is overwritten."""
        try:
            for number in range(self._writer.rotate_keep, 0, -1):
                older = _rotated(self._path, number)
                newer = self._path if number == 1 else _rotated(self._path, number - 1)
                if newer.exists():
                    newer.replace(older)
            self._open()
        except OSError as error:  # the records are written; the file grows until it can be rotated
            log.error("cannot rotate file", file=str(self._path), reason=error.strerror)

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _rotated(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _free_name(path: Path) -> Path:
    """Return `path`, or the first of `name_1.ext`, `name_2.ext`, … that does not exist."""
    if not path.exists():
        return path
    candidates = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in count(1))
    return next(candidate for candidate in candidates if not candidate.exists())


def _is_same_file(path: Path, file: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(file))


def _complete_line(file: int) -> None:
    """End a line that a crash has truncated, so that the next record starts on a new line."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")


def _append(file: int, lines: bytes) -> None:
    """Write all of `lines`, or nothing if it raises OSError."""
    before = os.fstat(file).st_size
    rest = memoryview(lines)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        with contextlib.suppress(OSError):  # a pipe cannot be truncated
            os.ftruncate(file, before)
        raise


def make(writer: Writer, _: OutboundTls) -> Sink:
    """Create the sink for the section `file_writer`."""
    if not isinstance(writer, FileWriter):
        raise TypeError(type(writer).__name__)
    return FileSink(writer)
