"""The journal: a log of records that the bus has not acknowledged.

It is cut into segments, one file each, that are only appended to. The oldest segment ends when all its records are
released, and its file is written anew as another one: no call pays for new pages then. One such file is kept in spare
while there is room. Every process has a folder of its own, locked while it lives; what dead ones left (`orphans`) is
adopted by the next that starts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING

from gecholog.errors import GechologError
from services.gl.record.journal.entry import ACCEPTED, HEAD_SIZE, TAIL_SIZE, Kept, ends, is_whole, released
from services.gl.record.journal.folder import lock, remove
from services.gl.record.journal.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SEGMENT = 16 * 1024 * 1024  # bytes at which the next one begins
_LEAST = 8  # segments that the limit has room for: small ones, if need be
_SHARE = 16  # of a small disk: two or three segments are there at any time, and the stream of records needs room, too
_SMALLEST = 256 * 1024  # bytes of a segment
_MANY = 4  # segments; with more, the oldest is ended if it holds only a few records, and less than half of its bytes
_FEW = 256
_SPARE = "spare"  # a file to be written anew; what it holds is of no account


class JournalFull(GechologError):
    """The journal has reached its limit: the bus has been away for too long."""


class JournalDamaged(GechologError):
    """What is read is not what was written."""


class Journal:
    """The journal of this process. Not for several threads."""

    def __init__(self, root: Path, limit: int) -> None:
        """`root` holds the folders of all processes; `limit` is the most bytes that this one keeps. Raises OSError."""
        self.limit = limit
        self._root = root
        self._folder = root / f"{time.time_ns()}-{os.getpid()}"
        self._folder.mkdir(parents=True, mode=0o700)
        self._lock = lock(self._folder)
        self._share = max(_SMALLEST, shutil.disk_usage(self._folder).free // _SHARE)
        self._number = 0
        self._size = 0  # of all files
        self._segments: list[Segment] = []
        self._spare: Segment | None = None
        # where the latest version of each record is: segment, kind, offset and size of the data
        self._places: dict[bytes, tuple[Segment, bytes, int, int]] = {}
        self._to_mark: list[bytes] = []  # ids of released records, which is written with what comes next

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self._folder

    def __len__(self) -> int:
        """How many records the bus has not acknowledged."""
        return len(self._places)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self._size

    def size_of(self, record_id: bytes) -> int | None:
        """Bytes of a record that is kept; None if it is not."""
        place = self._places.get(record_id)
        return None if place is None else place[3]

    def append(self, kind: bytes, record_id: bytes, data: bytes) -> None:
        """Keep a record; a later version takes the place of an earlier one. Raises JournalFull, OSError."""
        segment = self._active()
        if self._size + len(data) > self.limit:
            self._drop_spare()
            if self._size + len(data) > self.limit:
                raise JournalFull(f"the journal has reached its limit of {self.limit} bytes")
        self._put(segment, kind, record_id, data)

    def _put(self, segment: Segment, kind: bytes, record_id: bytes, data: bytes) -> None:
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
        """A record that is kept; None if it was released. Raises OSError, JournalDamaged."""
        place = self._places.get(record_id)
        if place is None:
            return None
        segment, kind, offset, size = place
        both = segment.read(offset, size + TAIL_SIZE)
        data = both[:size]
        if not is_whole(segment.number, kind, record_id, data, both[size:]):
            raise JournalDamaged(f"the copy in {segment.path.name} is damaged")
        return Kept(record_id, data, recovered=kind == ACCEPTED)

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
            remove(self._folder)
        os.close(self._lock)

    # --------------------------------------------------------------- segments

    def _write(self, segment: Segment, *entry: bytes) -> int:
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

    def _append(self, segment: Segment, parts: Sequence[bytes]) -> int:
        """Append; on a disk that is full what is in spare makes room. Raises OSError."""
        try:
            return segment.append(parts)
        except OSError:
            if self._spare is None:
                raise
        self._drop_spare()
        return segment.append(parts)

    def _active(self) -> Segment:
        if not self._segments or self._segments[-1].size >= self._full():
            self._segments.append(self._next())
            self._sweep()
            self._carry_over()
        return self._segments[-1]

    def _full(self) -> int:
        """Bytes at which the next segment begins."""
        return min(_SEGMENT, self.limit // _LEAST, self._share)

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
        with contextlib.suppress(OSError, JournalDamaged):
            for record_id, (_, kind, _, _) in held:
                kept = self.get(record_id)
                if kept is not None:
                    self._put(newest, kind, record_id, kept.data)

    def _next(self) -> Segment:
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
            return Segment(path)
        except FileNotFoundError:  # somebody has removed the folder
            self._folder.mkdir(parents=True, mode=0o700)
            gone, self._lock = self._lock, lock(self._folder)
            os.close(gone)
            return Segment(path)

    def _let_go(self, segment: Segment) -> None:
        segment.live -= 1
        self._sweep()

    def _sweep(self) -> None:
        """End the oldest segments as long as they have no live records; the last one is still written to.

        Never one from the middle: it may hold the marks that records of an older one are released.
        """
        while len(self._segments) > 1 and not self._segments[0].live:
            self._end(self._segments.pop(0))

    def _end(self, segment: Segment) -> None:
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
