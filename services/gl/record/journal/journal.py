"""The journal: an append-only log of records that the bus has not acknowledged.

It consists of segments, one file each. When all records of the oldest segment are acknowledged, its file is set aside
and overwritten by the next segment, so that writes do not need new disk pages. Each process has a folder of its own,
which is locked as long as it lives. The next process that starts publishes what dead ones left (`orphans`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING

from gecholog.errors import GechologError
from services.gl.record.journal.entry import (
    ACCEPTED,
    HEAD_SIZE,
    TAIL_SIZE,
    UnackedRecord,
    acknowledgement,
    frame,
    is_intact,
)
from services.gl.record.journal.folder import create, remove
from services.gl.record.journal.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SEGMENT = 16 * 1024 * 1024  # bytes of a segment, after which the next one begins
_LEAST = 8  # segments that fit into the limit: they are smaller if necessary
_SHARE = 16  # of the free disk space: two or three segments exist at a time, and the record stream needs space, too
_SMALLEST = 256 * 1024  # bytes of a segment
_MANY = 4  # segments; with more, the few records left in the oldest move to the newest (less than half a segment)
_FEW = 256
_SPARE = "spare"  # a file to be overwritten by the next segment


class JournalFull(GechologError):
    """The journal has reached its limit: the bus has been unavailable for too long."""


class JournalDamaged(GechologError):
    """The data that were read are not those that were written."""


class Journal:
    """The journal of this process. It is not thread-safe."""

    def __init__(self, root: Path, limit: int) -> None:
        """`root` holds the folders of all processes; `limit` the maximum of bytes of this one. Raises OSError."""
        self.limit = limit
        self._root = root
        self._folder = root / f"{time.time_ns()}-{os.getpid()}"
        self._lock = create(self._folder)
        try:
            self._share = max(_SMALLEST, shutil.disk_usage(self._folder).free // _SHARE)
        except BaseException:
            remove(self._folder)
            os.close(self._lock)
            raise
        self._number = 0
        self._size = 0  # bytes of all files
        self._segments: list[Segment] = []
        self._spare: Segment | None = None
        # the latest version of each record: segment, kind, offset and size of the data
        self._index: dict[bytes, tuple[Segment, bytes, int, int]] = {}
        self._pending_marks: list[bytes] = []  # ids of acknowledged records that are not marked on disk yet

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return self._folder

    def __len__(self) -> int:
        """The number of records that the bus has not acknowledged."""
        return len(self._index)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self._size

    def size_of(self, record_id: bytes) -> int | None:
        """The size of a record in bytes; None if the journal does not have it."""
        place = self._index.get(record_id)
        return None if place is None else place[3]

    def append(self, kind: bytes, record_id: bytes, data: bytes) -> None:
        """Store a record, in place of an earlier version of it. Raises JournalFull, OSError."""
        segment = self._active()
        if self._size + len(data) > self.limit:
            self._drop_spare()
            if self._size + len(data) > self.limit:
                raise JournalFull(f"the journal has reached its limit of {self.limit} bytes")
        self._put(segment, kind, record_id, data)

    def _put(self, segment: Segment, kind: bytes, record_id: bytes, data: bytes) -> None:
        head, tail = frame(segment.number, kind, record_id, data)
        offset = self._write(segment, head, data, tail)
        earlier = self._index.get(record_id)
        self._index[record_id] = (segment, kind, offset, len(data))
        segment.live += 1
        if earlier is not None:
            self._drop_live(earlier[0])

    def acknowledge(self, record_id: bytes) -> bool:
        """Drop a record that the bus has. Does nothing if the journal does not have it.

        Returns whether there is a mark to `flush`, without which the record would be published again if this process
        died. The mark is written with the next record or by `flush`, whichever comes first.
        """
        place = self._index.pop(record_id, None)
        if place is None:
            return False
        segment = place[0]
        segment.live -= 1
        # the last record of the oldest segment needs no mark: the segment is removed
        is_marked = segment.live > 0 or segment is not self._segments[0] or len(self._segments) == 1
        if is_marked:
            self._pending_marks.append(record_id)
        self._sweep()
        return is_marked

    def flush(self) -> None:
        """Write the marks of acknowledged records."""
        if self._pending_marks:
            with contextlib.suppress(OSError):
                segment = self._active()
                if self._pending_marks:  # `_active` may have written them already
                    self._write(segment)

    def get(self, record_id: bytes) -> UnackedRecord | None:
        """Read a record; None if it was acknowledged. Raises OSError, JournalDamaged."""
        place = self._index.get(record_id)
        if place is None:
            return None
        segment, kind, offset, size = place
        both = segment.read(offset, size + TAIL_SIZE)
        data = both[:size]
        if not is_intact(segment.number, kind, record_id, data, both[size:]):
            raise JournalDamaged(f"the copy in {segment.path.name} is damaged")
        return UnackedRecord(record_id, data, recovered=kind == ACCEPTED)

    def close(self) -> None:
        """Close the journal. A folder without records is removed; any other is left for the next process."""
        empty = not self._index
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
        """Write pending marks and an entry. Returns the offset of its data. Raises OSError."""
        marks = b""
        if self._pending_marks:
            marks = b"".join([acknowledgement(segment.number, record_id) for record_id in self._pending_marks])
        length = segment.length
        try:
            start = self._append(segment, (marks, *entry))
        finally:
            self._size += segment.length - length
        self._pending_marks.clear()
        return start + len(marks) + HEAD_SIZE

    def _append(self, segment: Segment, parts: Sequence[bytes]) -> int:
        """Append to a segment. If the disk is full, remove the spare file and try again. Raises OSError."""
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
            self._move_stragglers()
        return self._segments[-1]

    def _full(self) -> int:
        """The size of a segment in bytes, after which the next one begins."""
        return min(_SEGMENT, self.limit // _LEAST, self._share)

    def _move_stragglers(self) -> None:
        """Move the few records that keep the oldest segment alive to the active one.

        Otherwise a record that the bus always refuses would keep its segment, and all later ones, for ever.
        """
        oldest, active = self._segments[0], self._segments[-1]
        if len(self._segments) <= _MANY or oldest.live > _FEW:
            return
        held = [(record_id, place) for record_id, place in self._index.items() if place[0] is oldest]
        if sum(size for _, (_, _, _, size) in held) > self._full() // 2:
            return
        with contextlib.suppress(OSError, JournalDamaged):
            for record_id, (_, kind, _, _) in held:
                kept = self.get(record_id)
                if kept is not None:
                    self._put(active, kind, record_id, kept.data)

    def _next(self) -> Segment:
        """Create the next segment, in the spare file if there is one."""
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
        except FileNotFoundError:  # the folder has been removed
            gone, self._lock = self._lock, create(self._folder)
            os.close(gone)
            return Segment(path)

    def _drop_live(self, segment: Segment) -> None:
        segment.live -= 1
        self._sweep()

    def _sweep(self) -> None:
        """Remove the oldest segments as long as they have no live records, but never the active one.

        A segment in the middle is never removed: it may hold the marks of acknowledged records of an older one.
        """
        while len(self._segments) > 1 and not self._segments[0].live:
            self._end(self._segments.pop(0))

    def _end(self, segment: Segment) -> None:
        if self._spare is None and segment.length <= 2 * self._full():  # a larger file is removed, to free its space
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
