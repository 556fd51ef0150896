"""Decodes content codings (RFC 9110, section 8.4) incrementally, up to a limit. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import brotli
import zstandard

_STEP = 64 * 1024  # decoded bytes that a library returns at a time
# Encoded bytes that are decoded at a time. Corrupt ones are decoded again byte by byte. zstandard cannot limit its
# output: four bytes may stand for 128 KiB (RFC 8878, section 3.1.1.2), a whole slice for 32 MiB.
_SLICE = 1024
_MOST_CODINGS = 8
_LONGEST_NAME = 40  # characters of an unknown coding's name in a note
_ERRORS = (zlib.error, brotli.error, zstandard.ZstdError, ValueError, EOFError)


class Decoded(NamedTuple):
    """The decoded part of a body, and why it is not the whole body (None if it is)."""

    data: bytes
    note: str | None = None
    too_large: bool = False


def decode(body: bytes, encoding: str, limit: int) -> Decoded:
    """Decode `body`. `encoding` is the value of its Content-Encoding header.

    Returns at most `limit` bytes. Never raises.
    """
    decoder = Decoder(encoding, limit)
    data = decoder.feed(body)
    decoder.end()
    return Decoded(data, decoder.note, decoder.too_large)


def decoded_size(body: bytes, encoding: str, most: int) -> int | None:
    """Bytes that `body` has without its content codings, as far as they can be undone; None: more than `most`.

    They are not kept in memory.
    """
    decoder = Decoder(encoding, most)
    for at in range(0, len(body), _SLICE):
        decoder.feed(body[at : at + _SLICE])
    return None if decoder.too_large else decoder.size


class Decoder:
    """Decodes one body as it arrives.

    `note` tells why decoding has stopped; None if it has not. The decoder keeps references to everything that was fed:
    if the data are corrupt, it decodes them a second time to find the exact place.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        """`encoding` is the value of a Content-Encoding header; `limit` the decoded bytes at which to stop."""
        self._names = codings(encoding)
        self._limit = limit
        self._fed: list[bytes] = []
        self._chain = _Chain([], limit)
        self.size = 0  # decoded bytes
        self.note: str | None = None
        self.too_large = False
        unknown = next((name for name in self._names if name not in _CODINGS), None)
        if unknown is not None:
            self.note = f"unknown content encoding '{unknown[:_LONGEST_NAME]}'"
        elif len(self._names) > _MOST_CODINGS:
            self.note = f"more than {_MOST_CODINGS} content encodings"
        else:
            self._chain = self._new_chain()

    def feed(self, data: bytes) -> bytes:
        """Feed more of the body. Returns decoded bytes, nothing after the end or an error."""
        found: list[bytes] = []
        for at in range(0, len(data), _SLICE):
            if self.note is not None:
                break
            found += self._decode(data[at : at + _SLICE])
        return b"".join(found)

    def end(self) -> None:
        """End the body. Sets `note` if the encoded data are incomplete."""
        if self.note is None and not self._chain.is_complete:
            self.note = f"cut off after {self.size} decoded bytes"

    def _decode(self, piece: bytes) -> list[bytes]:
        try:
            found = list(self._chain.pieces(piece))
        except _LimitExceeded as stop:
            found = [b"".join(stop.found)[: self._limit - self.size]]
            self.note, self.too_large = f"decoded body larger than {self._limit} bytes", True
        except _ERRORS:
            found = self._up_to_the_fault(piece)
            self.note = f"broken after {self.size + sum(map(len, found))} decoded bytes"
        self._fed.append(piece)
        self.size += sum(map(len, found))
        return found

    def _up_to_the_fault(self, piece: bytes) -> list[bytes]:
        """The output of `piece` before the place where it is corrupt. Libraries drop it when they raise the error."""
        chain, found = self._new_chain(), []
        try:
            for earlier in self._fed:
                for _ in chain.pieces(earlier):
                    pass
            for at in range(len(piece)):
                found += chain.pieces(piece[at : at + 1])
        except (_LimitExceeded, *_ERRORS):
            pass
        return found

    def _new_chain(self) -> _Chain:
        return _Chain([_CODINGS[name]() for name in reversed(self._names)], self._limit)


def codings(encoding: str) -> list[str]:
    """The names in a Content-Encoding header, in the order in which they were applied, without `identity`."""
    if not encoding:  # most bodies
        return []
    names = (part.strip().lower() for part in encoding.split(","))
    return [name for name in names if name not in ("", "identity")]


class _LimitExceeded(Exception):
    """The decoded body exceeds the limit. `found` is the output of the current piece."""

    def __init__(self, found: list[bytes]) -> None:
        super().__init__()
        self.found = found


class _Coding(Protocol):
    """An incremental decoder of one content coding."""

    @property
    def is_complete(self) -> bool:
        """Whether the data so far end where the coding ends."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Feed data, and yield the output in pieces of limited size. Raises one of `_ERRORS`."""


class _Chain:
    """The decoders of a body, last applied first. None of them may output more than `limit` bytes."""

    def __init__(self, stages: list[_Coding], limit: int) -> None:
        self._stages = stages
        self._limit = limit
        self._sizes = [0] * len(stages)

    @property
    def is_complete(self) -> bool:
        return all(stage.is_complete for stage in self._stages)

    def pieces(self, data: bytes) -> list[bytes]:
        """Feed data through all decoders. Raises _LimitExceeded, and what the decoders raise."""
        found: list[bytes] = []
        self._pass(data, 0, found)
        return found

    def _pass(self, data: bytes, number: int, found: list[bytes]) -> None:
        if number == len(self._stages):
            found.append(data)
            return
        for piece in self._stages[number].pieces(data):
            self._sizes[number] += len(piece)
            if piece:
                self._pass(piece, number + 1, found)
            if self._sizes[number] > self._limit:
                raise _LimitExceeded(found)


class _Zlib:
    """The formats of zlib. gzip data may have several members, and zeros after the last one (RFC 1952)."""

    def __init__(self, window: int, *, has_members: bool = False) -> None:
        self.is_complete = False
        self._window = window
        self._has_members = has_members
        self._member = zlib.decompressobj(window)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        is_full = False
        while data or is_full:
            if self.is_complete and not (data := self._between(data)):
                return
            piece = self._member.decompress(data, _STEP)
            is_full = len(piece) == _STEP  # there may be more output, even without more data
            yield piece
            self.is_complete = self._member.eof
            data = self._member.unused_data if self.is_complete else self._member.unconsumed_tail
            is_full = is_full and not self.is_complete

    def _between(self, data: bytes) -> bytes:
        """Prepare for the next member, if there is one. Returns its data."""
        data = data.lstrip(b"\0") if self._has_members else data
        if data and not self._has_members:
            raise ValueError("data behind the end")
        if data:
            self.is_complete = False
            self._member = zlib.decompressobj(self._window)
        return data


class _Deflate:
    """`deflate` should have a zlib wrapper, but some senders omit it (RFC 9110, section 8.4.1.2)."""

    def __init__(self) -> None:
        self._start = b""
        self._format: _Zlib | None = None

    @property
    def is_complete(self) -> bool:
        return self._format is not None and self._format.is_complete

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._format is None:
            data = self._start = self._start + data
            if len(data) < 2:  # noqa: PLR2004 - the two bytes of the wrapper's head
                return
            self._format = _Zlib(zlib.MAX_WBITS if _has_wrapper(data) else -zlib.MAX_WBITS)
        yield from self._format.pieces(data)


def _has_wrapper(data: bytes) -> bool:
    """Tell whether data begin as RFC 1950, section 2.2, says: method 8, and a multiple of 31 as check."""
    return data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2]) % 31 == 0


class _Brotli:
    """brotli (RFC 7932)."""

    def __init__(self) -> None:
        self.is_complete = False
        self._decompressor = brotli.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self.is_complete and data:
            raise ValueError("data behind the end")
        piece = self._decompressor.process(data, output_buffer_limit=_STEP)
        while piece:
            yield piece
            if self._decompressor.is_finished():
                break
            piece = self._decompressor.process(b"", output_buffer_limit=_STEP)  # output beyond one step is buffered
        self.is_complete = self._decompressor.is_finished()


class _Zstd:
    """Zstandard with one frame or several (RFC 8878)."""

    def __init__(self) -> None:
        self.is_complete = False
        self._frame = zstandard.ZstdDecompressor().decompressobj(write_size=_STEP)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self.is_complete:
                self._frame = zstandard.ZstdDecompressor().decompressobj(write_size=_STEP)
            yield self._frame.decompress(data[:_SLICE])
            self.is_complete = self._frame.eof
            data = (self._frame.unused_data if self.is_complete else b"") + data[_SLICE:]


def _gzip() -> _Zlib:
    return _Zlib(zlib.MAX_WBITS + 16, has_members=True)


_CODINGS: dict[str, Callable[[], _Coding]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
