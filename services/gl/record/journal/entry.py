"""Entries of the journal, as bytes. Pure.

An entry is a head (mark, kind, record id, size of the data), the data, and a tail: the CRC-32 of both, begun with the
number of the segment. A process may die in the middle of a write, and a segment may be written over what an earlier one
left: only an entry with the right tail was written to its end, and to this segment. What is no such entry is skipped:
a disk that lost something must not cost what stands behind it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = struct.Struct(">2sc16sI")
_TAIL = struct.Struct(">I")
_MARK = b"GJ"

ACCEPTED = b"a"  # the record as it stood before the last byte of the reply
FINAL = b"f"  # the record as it should be published, kept because it could not be yet
RELEASED = b"r"  # the bus has the record

_KINDS = frozenset({ACCEPTED, FINAL, RELEASED})

HEAD_SIZE = _HEAD.size
TAIL_SIZE = _TAIL.size


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was read. `offset` is where its data begin in the segment."""

    kind: bytes
    record_id: bytes
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no entry, with entries behind them. `offset` is where they begin."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that the bus has not acknowledged. `recovered`: it is not final, should its process be dead."""

    record_id: bytes
    data: bytes
    recovered: bool


def ends(number: int, kind: bytes, record_id: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Head and tail of an entry in segment `number`; `record_id` has 16 bytes."""
    head = _HEAD.pack(_MARK, kind, record_id, len(data))
    return head, _TAIL.pack(zlib.crc32(data, zlib.crc32(head, number)))


def released(number: int, record_id: bytes) -> bytes:
    """The entry in segment `number` that says that the bus has a record."""
    head, tail = ends(number, RELEASED, record_id, b"")
    return head + tail


def is_whole(number: int, kind: bytes, record_id: bytes, data: bytes, tail: bytes) -> bool:
    """Tell whether data that were read from segment `number` are those that were written."""
    return tail == ends(number, kind, record_id, data)[1]


def entries(segment: bytes, number: int) -> Iterator[Entry | Damage]:
    """The whole entries of segment `number`, in order, and the damaged places between them.

    What follows the last entry is no damage: a write that was cut off, or what the file held before. No entry is found
    inside of a record: a record is JSON text, and an entry has a size whose first byte no JSON text has.
    """
    at = end = 0
    while at >= 0:
        entry = _entry_at(segment, at, number)
        if entry is None:
            at = segment.find(_MARK, at + 1)
            continue
        if at > end:
            yield Damage(end, at - end)
        yield entry
        at = end = entry.offset + entry.size + _TAIL.size


def _entry_at(segment: bytes, at: int, number: int) -> Entry | None:
    """The entry that begins there, if it is whole."""
    if at + HEAD_SIZE + _TAIL.size > len(segment):
        return None
    mark, kind, record_id, size = _HEAD.unpack_from(segment, at)
    start = at + HEAD_SIZE
    end = start + size
    if mark != _MARK or kind not in _KINDS or end + _TAIL.size > len(segment):
        return None
    (checksum,) = _TAIL.unpack_from(segment, end)
    with memoryview(segment) as view:
        whole = checksum == zlib.crc32(view[at:end], number)
    return Entry(kind, record_id, start, size) if whole else None
