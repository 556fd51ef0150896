"""Bodies as records show them: JSON as it is, text as a JSON string, anything else by size and hash. Pure.

The bytes on the wire are never made from these values unless a processor changed them. A body that is too large to be
kept whole is not read at all, and stands in the record as a `Cut`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Any, NamedTuple

from gecholog import lenient, llm
from gecholog.rawjson import Raw, dumps, is_too_deep, is_utf8, payload
from services.gl.record import decoding

_HEAD_BYTES = 1024
_HASHED_FROM = 1024 * 1024  # bytes of a copy: from there on it is hashed as it grows, not all at once at its end
_DECODED_AT_ONCE = 1024  # bytes of an encoded body; they may become a thousand times as many
AT_ONCE = 256 * 1024  # bytes that are decoded, hashed and read on the event loop; a thread has the patience for more


class Recorded(NamedTuple):
    """A body as a JSON value, and why it is not the JSON that came (None if it is)."""

    value: Any
    note: str | None = None


EMPTY = Recorded("")


class Cut(dict[str, Any]):
    """What stands for a payload of more than `limit` bytes: `{"size", "sha256", "head"}`. No processor is given it."""

    __slots__ = ("limit",)

    def __init__(self, fields: dict[str, Any], limit: int) -> None:
        super().__init__(fields)
        self.limit = limit


class Opened(NamedTuple):
    """A body without its content encodings, as far as it could be decoded, and why that is not all of it.

    `instead` is what to record if none of it can be read.
    """

    data: bytes
    note: str | None = None
    instead: Recorded | None = None

    def noted(self, read: Recorded) -> Recorded:
        """What was read of `data`, with what there is to say of both."""
        return Recorded(read.value, "; ".join(filter(None, (self.note, read.note)))) if self.note else read


def opened(body: bytes, encoding: str, content_type: str, most: int) -> Opened:
    """Undo the content codings of a body: `encoding` is its Content-Encoding, empty if there is none.

    It is decoded up to `most` bytes; if it ends too early or is broken, as far as it goes.
    """
    if not body or not decoding.codings(encoding):
        return Opened(body)
    data, note, too_large = decoding.undone(body, encoding, most)
    if too_large:
        return Opened(b"", note, cut(body, data, most, str(note)))
    if note is not None and not data:
        return Opened(b"", note, Recorded(binary(body, content_type), f"{note}, recorded by size and hash"))
    return Opened(data, note)


def cut(body: bytes, head: bytes, limit: int, why: str) -> Recorded:
    """What is kept of a body over `limit` bytes: size and hash of what came, and the first part of what can be read."""
    kept = summary(len(body), hashlib.sha256(body).hexdigest(), head)
    return Recorded(Cut(kept, limit), f"{why}, recorded by size, hash and head")


def recorded(body: bytes, content_type: str, most: int, *, is_json: bool = False) -> Recorded:
    """The value for the record of a body without content encoding. One of more than `most` bytes is not read.

    `is_json` tells that it has been read before and is JSON by its grammar.
    """
    if not body:
        return EMPTY
    if len(body) > most:
        return cut(body, body, most, f"larger than {most} bytes")
    if is_json and is_utf8(body):
        return Recorded(payload(body))
    if (found := lenient.strict(body)) is not None:
        note = f"is not strict JSON: {', '.join(found.repairs)}" if found.repairs else None
        return Recorded(payload(found.data), note)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return Recorded(binary(body, content_type), "is not text, recorded by size and hash")
    why = "is nested too deeply" if is_too_deep(body) else "is not JSON"
    # a large text is written once, here: its place in the record is written several times
    return Recorded(text if len(body) <= AT_ONCE else payload(dumps(text)), f"{why}, recorded as text")


def settled(value: Any, most: int) -> Recorded:
    """A value that was made of a body, such as a folded stream, for the record.

    A small one stays as it is; a large one is written, here and not at each use, and cut if it has more than `most`
    bytes.
    """
    data = dumps(value)
    if len(data) > most:
        return cut(data, data, most, f"larger than {most} bytes when it is folded")
    return Recorded(value if len(data) <= AT_ONCE else payload(data))


def binary(body: bytes, content_type: str) -> dict[str, Any]:
    """What is kept of a body that is no text."""
    return {"content_type": content_type, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def summary(size: int, sha256: str, head: bytes) -> dict[str, Any]:
    """What is kept of a body that is too large: its size in bytes, its hash, and the first part as text."""
    return {"size": size, "sha256": sha256, "head": head[:_HEAD_BYTES].decode("utf-8", "replace")}


def is_cut_at(value: Any, limit: int) -> bool:
    """Tell whether this limit is what kept a body from being read."""
    return isinstance(value, Cut) and value.limit == limit


def cut_to(value: Any, limit: int) -> Any:
    """`value` if its JSON has at most `limit` bytes, else its summary."""
    if isinstance(value, Cut) or (isinstance(value, Raw | str) and len(value) * 4 <= limit):
        return value
    data = value if isinstance(value, Raw) else dumps(value)
    if len(data) <= limit:
        return value
    if isinstance(value, Raw) and value.summary is not None:
        return value.summary
    made = summary(len(data), hashlib.sha256(data).hexdigest(), data)
    if isinstance(value, Raw):
        value.summary = made  # it is asked for again: for the other end of the call, and for the final record
    return made


class Copy:
    """A copy of a body that passes by: whole up to `limit` bytes, beyond that its ends, size and hash."""

    __slots__ = ("_ends", "_hash", "_parts", "limit", "pieces", "size")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._parts: list[bytes] = []
        self._hash: Any = None
        self._ends: Ends | None = None
        self.size = 0
        self.pieces = 0

    def add(self, piece: bytes) -> None:
        was_whole = self.size <= self.limit
        self.size += len(piece)
        self.pieces += 1
        if self._hash is not None:
            self._hash.update(piece)
        if was_whole:
            self._parts.append(piece)
            self._look()
        elif self._ends is not None:
            self._ends.add(piece)

    def _look(self) -> None:
        """Begin to hash what grows large, and keep no more than the ends of what is too large."""
        if self._hash is None and self.size > min(self.limit, _HASHED_FROM):
            self._hash = hashlib.sha256()
            for part in self._parts:
                self._hash.update(part)
        if self.size > self.limit:
            self._ends = Ends()
            for part in self._parts:
                self._ends.add(part)
            self._parts = []

    @property
    def whole(self) -> bytes | None:
        """All that was added; None if it was too much."""
        if self.size > self.limit:
            return None
        if len(self._parts) != 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0]

    def clear(self) -> None:
        """Nobody asks for what was added any more."""
        self._parts = []
        self._ends = None

    @property
    def ends(self) -> Ends:
        """The ends of what was too much."""
        return self._ends or Ends()

    def summary(self) -> Cut:
        """Size, hash and head of what was too much."""
        return Cut(summary(self.size, self._hash.hexdigest(), self.ends.head), self.limit)


class Ends:
    """The first and the last bytes of a body, at least `llm.END` of each as far as there are so many."""

    __slots__ = ("_last", "_size", "head")

    def __init__(self) -> None:
        self.head = b""
        self._last: deque[bytes] = deque()
        self._size = 0  # of `_last`

    def add(self, piece: bytes) -> None:
        """Take the next bytes."""
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


def ends_of(body: bytes, encoding: str, most: int) -> Ends | None:
    """The ends of what `body` is without its content codings; None if that has more than `most` bytes."""
    decoder, ends = decoding.Decoder(encoding, most), Ends()
    for at in range(0, len(body), _DECODED_AT_ONCE):
        ends.add(decoder.feed(body[at : at + _DECODED_AT_ONCE]))
    return None if decoder.too_large else ends
