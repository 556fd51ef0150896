"""The format of journal entries. Pure.

An entry is a head (magic bytes, kind, record id, size of the data), the data, and a tail: the CRC-32 of both, with the
number of the segment as its initial value. A process may die during a write, and a segment may overwrite the file of an
earlier one. So only an entry with a valid tail was written completely, and to this segment. Anything else is skipped,
so that a damaged place does not hide the entries after it.
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

ACCEPTED = b"a"  # the record as of just before the last byte of the reply
FINAL = b"f"  # the complete record, stored because it could not be published yet
ACKNOWLEDGED = b"r"  # the bus has the record

_KINDS = frozenset({ACCEPTED, FINAL, ACKNOWLEDGED})

HEAD_SIZE = _HEAD.size
TAIL_SIZE = _TAIL.size


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that was read. `offset` is the position of its data in the segment."""

    kind: bytes
    record_id: bytes
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Damage:
    """A range of bytes of a segment that is not a valid entry, followed by valid entries."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class UnackedRecord:
    """A record that the bus has not acknowledged. `recovered`: it is the accepted version, not the final one."""

    record_id: bytes
    data: bytes
    recovered: bool


def frame(number: int, kind: bytes, record_id: bytes, data: bytes) -> tuple[bytes, bytes]:
    """The head and the tail of an entry in segment `number`. `record_id` has 16 bytes."""
    head = _HEAD.pack(_MARK, kind, record_id, len(data))
    return head, _TAIL.pack(zlib.crc32(data, zlib.crc32(head, number)))


def acknowledgement(number: int, record_id: bytes) -> bytes:
    """The entry in segment `number` that marks a record as acknowledged by the bus."""
    head, tail = frame(number, ACKNOWLEDGED, record_id, b"")
    return head + tail


def is_intact(number: int, kind: bytes, record_id: bytes, data: bytes, tail: bytes) -> bool:
    """Tell whether data read from segment `number` are the data that were written."""
    return tail == frame(number, kind, record_id, data)[1]


def entries(segment: bytes, number: int) -> Iterator[Entry | Damage]:
    """The valid entries of segment `number`, in order, and the damaged places between them.

    Bytes after the last valid entry do not count as damage: they are an incomplete write, or earlier content of the
    file. A record never contains a valid entry, because JSON text has no byte like the first one of an entry's size.
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
    """The entry that begins at `at`; None if there is no valid one."""
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
