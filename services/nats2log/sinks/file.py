"""The file sink: one record a line, each batch in one write.

The file is looked at before and after each batch: one that was moved away or deleted is made again. A write that
fails half-way (disk full) is taken back, so that the file only ever holds whole lines.
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
from services.nats2log.sinks.sink import Failure, Fault, Kind, Sink, all_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import Entry

log = Log("file")

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class FileSink:
    """Writes lines to a file."""

    def __init__(self, writer: FileWriter) -> None:
        self._writer = writer
        self._path = writer.filename
        self._file: int | None = None

    @property
    def path(self) -> Path:
        """The file that is written to: with the write mode `new` not always the one that the config names."""
        return self._path

    async def open(self) -> None:
        """Open the file as the write mode says. Raises OSError; a full disk is no reason to give up."""
        try:
            await asyncio.to_thread(self._start)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise OSError(error.errno, f"cannot write to {self._path}: {error.strerror}") from error
            log.error("cannot open file", file=str(self._path), reason=error.strerror)

    async def write(self, entries: Sequence[Entry]) -> list[Failure]:
        try:
            await asyncio.to_thread(self._write, b"".join([one_line(entry.data) + b"\n" for entry in entries]))
        except OSError as error:
            reason = f"{self._path}: {error.strerror or error}"
            return all_of(entries, Fault(Kind.OUTAGE, reason))
        return []

    async def close(self) -> None:
        await asyncio.to_thread(self._let_go)

    # ------------------------------------------------------------ in a thread

    def _start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        mode = self._writer.write_mode
        if mode == "new":
            self._path = _free(self._writer.filename)
        self._protect_rotated()
        self._open(os.O_TRUNC if mode == "overwrite" else 0)
        log.info("opened file", file=str(self._path))

    def _open(self, flags: int = 0) -> None:
        self._let_go()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags |= os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(self._path, flags, permissions.GROUP_READS)
        self._protect(self._file)
        _end_line(self._file)

    def _protect(self, file: int) -> None:
        wanted = self._writer.permissions
        if wanted is None:
            permissions.restrict(file, permissions.GROUP_READS)
        else:
            permissions.give(file, wanted)

    def _protect_rotated(self) -> None:
        """Files that were rotated by an earlier version, or before the permissions were changed."""
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
        while os.fstat(file).st_nlink == 0:  # deleted while we wrote: nobody can read these lines
            self._open()
            file = self._current()
            _append(file, lines)
        if self._writer.fsync:
            os.fsync(file)
        if 0 < self._writer.rotate_bytes <= os.fstat(file).st_size:
            self._rotate()

    def _current(self) -> int:
        """The open file, opened again if it is no longer what the path leads to."""
        if self._file is None or not _leads_to(self._path, self._file):
            if self._file is not None:
                log.info("file was moved or deleted, reopening", file=str(self._path))
            self._open()
        if self._file is None:
            raise OSError(errno.EBADF, "file not open")
        return self._file

    def _rotate(self) -> None:
        """`name` becomes `name.1`, that before `name.2`, and so on; the oldest is written over."""
        try:
            for number in range(self._writer.rotate_keep, 0, -1):
                older = _rotated(self._path, number)
                newer = self._path if number == 1 else _rotated(self._path, number - 1)
                if newer.exists():
                    newer.replace(older)
            self._open()
        except OSError as error:  # the records are written; the file grows on until it can be rotated
            log.error("cannot rotate file", file=str(self._path), reason=error.strerror)

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _rotated(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _free(path: Path) -> Path:
    """`path`, or the first of `name_1.ext`, `name_2.ext`, … that is not there."""
    if not path.exists():
        return path
    candidates = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in count(1))
    return next(candidate for candidate in candidates if not candidate.exists())


def _leads_to(path: Path, file: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(file))


def _end_line(file: int) -> None:
    """End a line that was torn by a crash, so that it does not run into the next record."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")


def _append(file: int, lines: bytes) -> None:
    """Write all of `lines`, or (raising OSError) nothing."""
    before = os.fstat(file).st_size
    rest = memoryview(lines)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        with contextlib.suppress(OSError):  # a pipe cannot be cut
            os.ftruncate(file, before)
        raise


def make(writer: Writer, _: OutboundTls) -> Sink:
    """The sink for the section `file_writer`."""
    if not isinstance(writer, FileWriter):
        raise TypeError(type(writer).__name__)
    return FileSink(writer)
