"""Entries of the journal, as bytes. Pure.

An entry is a head (mark, kind, record id, size of the data, CRC-32 of all that) and the data. A process may die in the
middle of a write: an entry that is cut off ends a segment. The data have no checksum: what a process wrote before it
died is whole, and more is not promised.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FACTS = struct.Struct(">2sc16sI")
_CHECKSUM = struct.Struct(">I")
_MARK = b"GJ"

ACCEPTED = b"a"  # the record as it stood before the last byte of the reply
FINAL = b"f"  # the record as it should be published, kept because it could not be yet
RELEASED = b"r"  # the bus has the record

HEAD_SIZE = _FACTS.size + _CHECKSUM.size


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was read. `offset` is where its data begin in the segment."""

    kind: bytes
    record_id: bytes
    offset: int
    size: int


def head(kind: bytes, record_id: bytes, size: int = 0) -> bytes:
    """The head of an entry with `size` bytes of data; `record_id` has 16 bytes."""
    facts = _FACTS.pack(_MARK, kind, record_id, size)
    return facts + _CHECKSUM.pack(zlib.crc32(facts))


def entries(segment: bytes) -> Iterator[Entry]:
    """The whole entries of a segment, in order; what follows a torn one is not read."""
    at = 0
    while at + HEAD_SIZE <= len(segment):
        mark, kind, record_id, size = _FACTS.unpack_from(segment, at)
        (checksum,) = _CHECKSUM.unpack_from(segment, at + _FACTS.size)
        start = at + HEAD_SIZE
        is_head = mark == _MARK and checksum == zlib.crc32(segment[at : at + _FACTS.size])
        if not is_head or start + size > len(segment):
            return
        yield Entry(kind, record_id, start, size)
        at = start + size
