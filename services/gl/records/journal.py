"""The journal: a log of records that the bus has not acknowledged.

It is cut into segments, one file each, that are only appended to. The oldest segment ends when all its records are
released, and its file is written anew as another one: no call pays for new pages then. One such file is kept in spare
while there is room. Every process has a folder of its own, locked while it lives; the folders of dead processes are
adopted by the next one that starts.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog.errors import GechologError
from services.gl.records.entry import ACCEPTED, HEAD_SIZE, RELEASED, ends, entries, released

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SEGMENT = 16 * 1024 * 1024  # bytes at which the next one begins
_LEAST = 8  # segments that the limit has room for: small ones, if need be
_MANY = 4  # segments; with more, the oldest is ended if it holds only a few records, and less than half of its bytes
_FEW = 256
_LOCK = "lock"
_SPARE = "spare"  # a file to be written anew; what it holds is of no account
_MARKS = 99999999  # behind all segments of the folder: what stands there was released after everything else


class JournalFull(GechologError):
    """The journal has reached its limit: the bus has been away for too long."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that the bus has not acknowledged. `recovered`: it is not final, should its process be dead."""

    record_id: bytes
    data: bytes
    recovered: bool


class _Segment:
    """One file of the journal. `live` counts the records in it that are not released.

    `size` is what was written to it, `length` the bytes of its file: behind `size` is what it held before.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        self.number = int(path.name)
        self.live = 0
        self.size = 0
        self.length = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def append(self, parts: Sequence[bytes]) -> int:
        """Write entries with one system call; returns the offset at which they begin. Raises OSError."""
        start = self.size
        written = os.pwritev(self._file, parts, start)
        if written < sum(map(len, parts)):
            self._trim()
            raise OSError(errno.ENOSPC, "no space left for the journal")
        self.size += written
        self.length = max(self.length, self.size)
        return start

    def _trim(self) -> None:
        """Give back what is behind the last whole entry."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self.size)
            self.length = self.size

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._file, size, offset)

    def set_aside(self, path: Path) -> None:
        """Keep the file, which has no live records, for another segment. Raises OSError."""
        self.path = self.path.rename(path)

    def begin(self, path: Path) -> None:
        """Be another segment, from the beginning of the file. Raises OSError."""
        self.path = self.path.rename(path)
        self.number = int(path.name)
        self.size = 0

    def close(self) -> None:
        os.close(self._file)

    def remove(self) -> None:
        """The file is emptied first: a folder that cannot be written to must not keep what was released."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


class Journal:
    """The journal of this process. Not for several threads."""

    def __init__(self, root: Path, limit: int) -> None:
        """`root` holds the folders of all processes; `limit` is the most bytes that this one keeps. Raises OSError."""
        self.limit = limit
        self._root = root
        self._folder = root / f"{time.time_ns()}-{os.getpid()}"
        self._folder.mkdir(parents=True, mode=0o700)
        self._lock = _locked(self._folder)
        self._number = 0
        self._size = 0  # of all files
        self._segments: list[_Segment] = []
        self._spare: _Segment | None = None
        # where the latest version of each record is: segment, kind, offset and size of the data
        self._places: dict[bytes, tuple[_Segment, bytes, int, int]] = {}
        self._to_mark: list[bytes] = []  # ids of released records, which is written with what comes next

    def __len__(self) -> int:
        """How many records the bus has not acknowledged."""
        return len(self._places)

    def append(self, kind: bytes, record_id: bytes, data: bytes) -> None:
        """Keep a record; a later version takes the place of an earlier one. Raises JournalFull, OSError."""
        segment = self._active()
        if self._size + len(data) > self.limit:
            self._drop_spare()
            if self._size + len(data) > self.limit:
                raise JournalFull(f"the journal has reached its limit of {self.limit} bytes")
        self._put(segment, kind, record_id, data)

    def _put(self, segment: _Segment, kind: bytes, record_id: bytes, data: bytes) -> None:
        head, tail = ends(segment.number, kind, record_id, data)
        offset = self._write(segment, head, data, tail)
        earlier = self._places.get(record_id)
        self._places[record_id] = (segment, kind, offset, len(data))
        segment.live += 1
        if earlier is not None:
            self._let_go(earlier[0])

    def release(self, record_id: bytes) -> bool:
        """The bus has this record. Does nothing for one that is not kept.

        Returns whether there is something to `flush`: a mark, so that the record is not published once more if this
        process dies. It is written with the next record, or by `flush`, whichever comes first.
        """
        place = self._places.pop(record_id, None)
        if place is None:
            return False
        segment = place[0]
        segment.live -= 1
        # the last record of the oldest segment needs none: the segment goes with it
        is_marked = segment.live > 0 or segment is not self._segments[0] or len(self._segments) == 1
        if is_marked:
            self._to_mark.append(record_id)
        self._sweep()
        return is_marked

    def flush(self) -> None:
        """Write the marks of what was released."""
        if self._to_mark:
            with contextlib.suppress(OSError):
                segment = self._active()
                if self._to_mark:  # what was carried over may have taken them along
                    self._write(segment)

    def get(self, record_id: bytes) -> Kept | None:
        """A record that is kept; None if it was released. Raises OSError."""
        place = self._places.get(record_id)
        if place is None:
            return None
        segment, kind, offset, size = place
        return Kept(record_id, segment.read(offset, size), recovered=kind == ACCEPTED)

    def close(self) -> None:
        """Leave the journal; a folder without records is removed, another waits for the next process."""
        empty = not self._places
        if not empty:
            self.flush()
        for segment in self._segments:
            segment.remove() if empty else segment.close()
        self._segments.clear()
        self._drop_spare()
        if empty:
            _remove(self._folder)
        os.close(self._lock)

    # --------------------------------------------------------------- segments

    def _write(self, segment: _Segment, *entry: bytes) -> int:
        """Write the marks that wait, and an entry; returns the offset of its data. Raises OSError."""
        marks = b""
        if self._to_mark:
            marks = b"".join([released(segment.number, record_id) for record_id in self._to_mark])
        length = segment.length
        try:
            start = self._append(segment, (marks, *entry))
        finally:
            self._size += segment.length - length
        self._to_mark.clear()
        return start + len(marks) + HEAD_SIZE

    def _append(self, segment: _Segment, parts: Sequence[bytes]) -> int:
        """Append; on a disk that is full what is in spare makes room. Raises OSError."""
        try:
            return segment.append(parts)
        except OSError:
            if self._spare is None:
                raise
        self._drop_spare()
        return segment.append(parts)

    def _active(self) -> _Segment:
        if not self._segments or self._segments[-1].size >= self._full():
            self._segments.append(self._next())
            self._sweep()
            self._carry_over()
        return self._segments[-1]

    def _full(self) -> int:
        """Bytes at which the next segment begins."""
        return min(_SEGMENT, self.limit // _LEAST)

    def _carry_over(self) -> None:
        """Move the few records that hold the oldest segment to the newest.

        What the bus refuses for good stays for good, and everything behind it would stay with it.
        """
        oldest, newest = self._segments[0], self._segments[-1]
        if len(self._segments) <= _MANY or oldest.live > _FEW:
            return
        held = [(record_id, place) for record_id, place in self._places.items() if place[0] is oldest]
        if sum(size for _, (_, _, _, size) in held) > self._full() // 2:
            return
        with contextlib.suppress(OSError):
            for record_id, (_, kind, offset, size) in held:
                self._put(newest, kind, record_id, oldest.read(offset, size))

    def _next(self) -> _Segment:
        """The segment behind all others, if possible in a file that is there."""
        self._number += 1
        path = self._folder / f"{self._number:08d}"
        if self._spare is not None:
            try:
                self._spare.begin(path)
            except OSError:
                self._drop_spare()
            else:
                spare, self._spare = self._spare, None
                return spare
        try:
            return _Segment(path)
        except FileNotFoundError:  # somebody has removed the folder
            self._folder.mkdir(parents=True, mode=0o700)
            gone, self._lock = self._lock, _locked(self._folder)
            os.close(gone)
            return _Segment(path)

    def _let_go(self, segment: _Segment) -> None:
        segment.live -= 1
        self._sweep()

    def _sweep(self) -> None:
        """End the oldest segments as long as they have no live records; the last one is still written to.

        Never one from the middle: it may hold the marks that records of an older one are released.
        """
        while len(self._segments) > 1 and not self._segments[0].live:
            self._end(self._segments.pop(0))

    def _end(self, segment: _Segment) -> None:
        if self._spare is None and segment.length <= 2 * self._full():  # a larger one gives its bytes back
            with contextlib.suppress(OSError):
                segment.set_aside(self._folder / _SPARE)
                self._spare = segment
                return
        self._size -= segment.length
        segment.remove()

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._size -= self._spare.length
            self._spare.remove()
            self._spare = None

    # ------------------------------------------------------- dead processes

    def orphans(self) -> Iterator[Path]:
        """Folders of processes that died. Each is locked while the caller looks at it."""
        try:
            folders = sorted(self._root.iterdir())
        except OSError:  # somebody has removed it: nothing is there to be adopted
            return
        for folder in folders:
            if folder == self._folder or not folder.is_dir():
                continue
            try:
                lock = _locked(folder)
            except OSError:
                continue  # its process lives, or another one adopts it just now
            try:
                yield folder
            finally:
                os.close(lock)


def unreleased(folder: Path) -> Iterator[Kept]:
    """The records that a dead process left, in the order in which they were kept. Raises OSError."""
    latest: dict[bytes, tuple[Path, bytes, int, int]] = {}
    for path in sorted(path for path in folder.iterdir() if path.name.isdecimal()):
        for entry in entries(path.read_bytes(), int(path.name)):
            if entry.kind == RELEASED:
                latest.pop(entry.record_id, None)
            else:
                latest[entry.record_id] = (path, entry.kind, entry.offset, entry.size)
    for record_id, (path, kind, offset, size) in latest.items():
        with path.open("rb") as file:
            file.seek(offset)
            yield Kept(record_id, file.read(size), recovered=kind == ACCEPTED)


def mark(folder: Path, record_id: bytes) -> None:
    """Note in the folder of a dead process that the bus has a record, lest it is published again. Raises OSError."""
    with (folder / f"{_MARKS}").open("ab") as file:
        file.write(released(_MARKS, record_id))


def discard(folder: Path) -> None:
    """Remove the folder of a dead process."""
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    _remove(folder)


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _locked(folder: Path) -> int:
    """Lock a folder for as long as the returned file is open. Raises OSError if somebody else has it."""
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file
