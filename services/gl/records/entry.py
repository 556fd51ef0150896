"""Entries of the journal, as bytes. Pure.

An entry is a head (mark, kind, record id, size and CRC-32 of the data) and the data. A process may die in the middle of
a write: an entry that is cut off or does not match its checksum ends a segment.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = struct.Struct(">2sc16sII")
_MARK = b"GJ"

ACCEPTED = b"a"  # the record as it stood before the last byte of the reply
FINAL = b"f"  # the record as it should be published, kept because it could not be yet
RELEASED = b"r"  # the bus has the record

HEAD_SIZE = _HEAD.size


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was read. `offset` is where its data begin in the segment."""

    kind: bytes
    record_id: bytes
    offset: int
    size: int


def head(kind: bytes, record_id: bytes, data: bytes = b"") -> bytes:
    """The head of an entry; `record_id` has 16 bytes."""
    return _HEAD.pack(_MARK, kind, record_id, len(data), zlib.crc32(data))


def entries(segment: bytes) -> Iterator[Entry]:
    """The whole entries of a segment, in order; what follows a torn one is not read."""
    at = 0
    while at + HEAD_SIZE <= len(segment):
        mark, kind, record_id, size, checksum = _HEAD.unpack_from(segment, at)
        start = at + HEAD_SIZE
        data = segment[start : start + size]
        if mark != _MARK or len(data) < size or zlib.crc32(data) != checksum:
            return
        yield Entry(kind, record_id, start, size)
        at = start + size
