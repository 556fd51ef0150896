"""Converts bodies for the record: JSON as it is, text as a JSON string, anything else by size and hash. Pure.

Bodies on the wire are never made from these values unless a processor changed them. A body that is too large is not
read; it is recorded as `Truncated`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Any, NamedTuple

from gecholog import lenient, llm, rawjson
from gecholog.rawjson import Raw, dumps, is_too_deep, is_utf8
from services.gl.record import decoding

_HEAD_BYTES = 1024
_HASHED_FROM = 1024 * 1024  # bytes; a larger copy is hashed as it grows, not all at once at its end
_DECODED_AT_ONCE = 1024  # bytes of an encoded body, which may expand a thousandfold
AT_ONCE = 256 * 1024  # bytes that may be decoded, hashed and parsed on the event loop; more go to a thread


class Recorded(NamedTuple):
    """A body as a JSON value. `note` tells why it is not the JSON of the body; None if it is."""

    value: Any
    note: str | None = None


EMPTY = Recorded("")


class Truncated(dict[str, Any]):
    """Replaces a payload of more than `limit` bytes: `{"size", "sha256", "head"}`. Processors never get it."""

    __slots__ = ("limit",)

    def __init__(self, fields: dict[str, Any], limit: int) -> None:
        super().__init__(fields)
        self.limit = limit


class DecodedBody(NamedTuple):
    """A body after content decoding. `note` tells why it is not the whole body.

    `fallback` is what to record if nothing could be decoded.
    """

    data: bytes
    note: str | None = None
    fallback: Recorded | None = None

    def with_note(self, read: Recorded) -> Recorded:
        """Add the note of the decoding to what was read of `data`."""
        return Recorded(read.value, "; ".join(filter(None, (self.note, read.note)))) if self.note else read


def decode_body(body: bytes, encoding: str, content_type: str, most: int) -> DecodedBody:
    """Decode a body. `encoding` is its Content-Encoding, empty if there is none.

    Decodes at most `most` bytes. An incomplete or corrupt body is decoded as far as possible.
    """
    if not body or not decoding.codings(encoding):
        return DecodedBody(body)
    data, note, too_large = decoding.decode(body, encoding, most)
    if too_large:
        return DecodedBody(b"", note, truncated(body, data, most, str(note)))
    if note is not None and not data:
        return DecodedBody(b"", note, Recorded(binary(body, content_type), f"{note}, recorded by size and hash"))
    return DecodedBody(data, note)


def truncated(body: bytes, head: bytes, limit: int, why: str) -> Recorded:
    """The value for a body over `limit` bytes: its size and hash as received, and the `head` of the decoded body."""
    kept = summary(len(body), hashlib.sha256(body).hexdigest(), head)
    return Recorded(Truncated(kept, limit), f"{why}, recorded by size, hash and head")


def recorded(body: bytes, content_type: str, most: int, *, is_json: bool = False) -> Recorded:
    """The value for a body without content encoding. A body of more than `most` bytes is not read.

    `is_json`: the body was parsed before, and is syntactically valid JSON.
    """
    if not body:
        return EMPTY
    if len(body) > most:
        return truncated(body, body, most, f"larger than {most} bytes")
    if is_utf8(body) if is_json else rawjson.is_json(body):  # most bodies
        return Recorded(Raw(body))
    if (found := lenient.strict(body)) is not None:
        note = f"is not strict JSON: {', '.join(found.repairs)}" if found.repairs else None
        return Recorded(Raw(found.data), note)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return Recorded(binary(body, content_type), "is not text, recorded by size and hash")
    why = "is nested too deeply" if is_too_deep(body) else "is not JSON"
    # a large text is serialized here, once: the record is serialized several times
    return Recorded(text if len(body) <= AT_ONCE else Raw(dumps(text)), f"{why}, recorded as text")


def recorded_value(value: Any, most: int) -> Recorded:
    """The value for something that was derived from a body, such as a folded stream.

    It is serialized here once, not at each of its places in the record, and truncated if it has more than `most` bytes.
    """
    data = dumps(value)
    if len(data) > most:
        return truncated(data, data, most, f"larger than {most} bytes when it is folded")
    return Recorded(Raw(data))


def binary(body: bytes, content_type: str) -> dict[str, Any]:
    """The value for a body that is not text."""
    return {"content_type": content_type, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def summary(size: int, sha256: str, head: bytes) -> dict[str, Any]:
    """The fields for a body that is too large: size in bytes, hash, and its beginning as text."""
    return {"size": size, "sha256": sha256, "head": head[:_HEAD_BYTES].decode("utf-8", "replace")}


def is_truncated_at(value: Any, limit: int) -> bool:
    """Tell whether a body was truncated because of this limit."""
    return isinstance(value, Truncated) and value.limit == limit


def truncate_to(value: Any, limit: int) -> Any:
    """Return `value` if its JSON has at most `limit` bytes, else its summary."""
    if isinstance(value, Truncated) or (isinstance(value, Raw | str) and len(value) * 4 <= limit):
        return value
    data = value if isinstance(value, Raw) else dumps(value)
    if len(data) <= limit:
        return value
    if isinstance(value, Raw) and value.summary is not None:
        return value.summary
    made = summary(len(data), hashlib.sha256(data).hexdigest(), data)
    if isinstance(value, Raw):
        value.summary = made  # cached: it is needed again, for the final record
    return made


class BoundedCopy:
    """A copy of a streamed body: complete up to `limit` bytes, beyond that its ends, size and hash."""

    __slots__ = ("_ends", "_hash", "_parts", "limit", "pieces", "size")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._parts: list[bytes] = []
        self._hash: Any = None
        self._ends: BodyEnds | None = None
        self.size = 0
        self.pieces = 0

    def add(self, piece: bytes) -> None:
        was_whole = self.size <= self.limit
        size = self.size = self.size + len(piece)
        self.pieces += 1
        if size <= _HASHED_FROM and size <= self.limit:  # most pieces
            self._parts.append(piece)
            return
        if self._hash is not None:
            self._hash.update(piece)
        if was_whole:
            self._parts.append(piece)
            self._hash_or_truncate()
        elif self._ends is not None:
            self._ends.add(piece)

    def _hash_or_truncate(self) -> None:
        """Start hashing if the copy is large; keep only the ends if it exceeds the limit."""
        if self._hash is None and self.size > min(self.limit, _HASHED_FROM):
            self._hash = hashlib.sha256()
            for part in self._parts:
                self._hash.update(part)
        if self.size > self.limit:
            self._ends = BodyEnds()
            for part in self._parts:
                self._ends.add(part)
            self._parts = []

    @property
    def whole(self) -> bytes | None:
        """All bytes that were added; None if they exceed the limit."""
        if self.size > self.limit:
            return None
        if len(self._parts) != 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0]

    def clear(self) -> None:
        """Free the memory: the bytes are not needed any more."""
        self._parts = []
        self._ends = None

    @property
    def ends(self) -> BodyEnds:
        """The first and the last bytes, if the limit was exceeded."""
        return self._ends or BodyEnds()

    def summary(self) -> Truncated:
        """Size, hash and head, if the limit was exceeded."""
        return Truncated(summary(self.size, self._hash.hexdigest(), self.ends.head), self.limit)


class BodyEnds:
    """The first and the last bytes of a body: at least `llm.END` of each, if there are so many."""

    __slots__ = ("_last", "_size", "head")

    def __init__(self) -> None:
        self.head = b""
        self._last: deque[bytes] = deque()
        self._size = 0  # of `_last`

    def add(self, piece: bytes) -> None:
        """Add the next bytes."""
        if len(self.head) < llm.END:
            self.head += piece[: llm.END - len(self.head)]
        self._last.append(piece[-llm.END :])
        self._size += len(self._last[-1])
        while self._size - len(self._last[0]) >= llm.END:
            self._size -= len(self._last.popleft())

    @property
    def tail(self) -> bytes:
        """The last bytes."""
        return b"".join(self._last)


def ends_of(body: bytes, encoding: str, most: int) -> BodyEnds | None:
    """The ends of a body after content decoding; None if that has more than `most` bytes."""
    decoder, ends = decoding.Decoder(encoding, most), BodyEnds()
    for at in range(0, len(body), _DECODED_AT_ONCE):
        ends.add(decoder.feed(body[at : at + _DECODED_AT_ONCE]))
    return None if decoder.too_large else ends
