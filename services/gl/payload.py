"""Bodies as records show them: JSON as it is, text as a JSON string, anything else by size and hash. Pure.

The bytes on the wire are never made from these values unless a processor changed them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from typing import Any, NamedTuple

import brotli
import zstandard

from gecholog.rawjson import Raw, dumps, is_json, payload

_HEAD_BYTES = 1024
_STEP = 64 * 1024
LARGEST_DECODED = 8 * 1024 * 1024  # bytes; what unpacks to more is recorded by size and hash


class Recorded(NamedTuple):
    """A body as a JSON value, and why it is not the JSON that came (None if it is)."""

    value: Any
    note: str | None = None


EMPTY = Recorded("")


def recorded(body: bytes, content_type: str) -> Recorded:
    """The value for the record of a body without content encoding."""
    if not body:
        return EMPTY
    if is_json(body):
        return Recorded(payload(body))
    try:
        return Recorded(body.decode("utf-8"), "is not JSON, recorded as text")
    except UnicodeDecodeError:
        return Recorded(binary(body, content_type), "is not text, recorded by size and hash")


def binary(body: bytes, content_type: str) -> dict[str, Any]:
    """What is kept of a body that is no text."""
    return {"content_type": content_type, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def summary(size: int, sha256: str, head: bytes) -> dict[str, Any]:
    """What is kept of a body that is too large: its size in bytes, its hash, and the first part as text."""
    return {"size": size, "sha256": sha256, "head": head[:_HEAD_BYTES].decode("utf-8", "replace")}


def cut_to(value: Any, limit: int) -> Any:
    """`value` if its JSON has at most `limit` bytes, else its summary."""
    if isinstance(value, Raw | str) and len(value) * 4 <= limit:
        return value
    data = value if isinstance(value, Raw) else dumps(value)
    if len(data) <= limit:
        return value
    return summary(len(data), hashlib.sha256(data).hexdigest(), data)


def decoded(body: bytes, encoding: str, limit: int) -> bytes | None:
    """`body` without its content encodings (RFC 9110, section 8.4); None if one is unknown, broken, or over `limit`."""
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        if name in ("", "identity"):
            continue
        try:
            body = _DECODERS[name](body, limit)
        except (KeyError, OSError, EOFError, ValueError, zlib.error, brotli.error, zstandard.ZstdError):
            return None
    return body


def _ungzip(body: bytes, limit: int) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
        return _within(file.read(limit + 1), limit)


def _inflate(body: bytes, limit: int) -> bytes:
    """`deflate` should be in a zlib wrapper; some senders leave it out (RFC 9110, section 8.4.1.2)."""
    for window in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        decompressor = zlib.decompressobj(window)
        try:
            data = _within(decompressor.decompress(body, limit + 1), limit)
        except zlib.error:
            continue
        if not decompressor.eof:
            raise ValueError("cut off")
        return data
    raise ValueError("not deflate")


def _unbrotli(body: bytes, limit: int) -> bytes:
    decompressor = brotli.Decompressor()
    parts = [decompressor.process(body, output_buffer_limit=_STEP)]
    size = len(parts[0])
    while not decompressor.is_finished():  # what goes beyond a step is held back until it is asked for
        if size > limit:
            raise ValueError("too large")
        part = decompressor.process(b"", output_buffer_limit=_STEP)
        if not part and not decompressor.is_finished() and decompressor.can_accept_more_data():
            raise ValueError("cut off")
        parts.append(part)
        size += len(part)
    return _within(b"".join(parts), limit)


def _unzstd(body: bytes, limit: int) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True) as reader:
        data = _within(reader.read(limit + 1), limit)
    rest = body
    while rest:  # the reader does not say whether the last frame was whole
        frame = zstandard.ZstdDecompressor().decompressobj()
        frame.decompress(rest)
        if not frame.eof:
            raise ValueError("cut off")
        rest = frame.unused_data
    return data


def _within(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise ValueError("too large")
    return data


_DECODERS = {
    "gzip": _ungzip,
    "x-gzip": _ungzip,
    "deflate": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}


class Copy:
    """A copy of a body that passes by: whole up to `limit` bytes, beyond that its head, size and hash."""

    __slots__ = ("_hash", "_parts", "limit", "pieces", "size")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._parts: list[bytes] = []
        self._hash: Any = None
        self.size = 0
        self.pieces = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self.pieces += 1
        if self._hash is not None:
            self._hash.update(piece)
            return
        self._parts.append(piece)
        if self.size > self.limit:
            whole = b"".join(self._parts)
            self._hash = hashlib.sha256(whole)
            self._parts = [whole[:_HEAD_BYTES]]

    @property
    def whole(self) -> bytes | None:
        """All that was added; None if it was too much."""
        if self._hash is not None:
            return None
        if len(self._parts) != 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0]

    def clear(self) -> None:
        """Nobody asks for what was added any more."""
        self._parts = []

    def summary(self) -> dict[str, Any]:
        """Size, hash and head of what was too much."""
        return summary(self.size, self._hash.hexdigest(), self._parts[0])
