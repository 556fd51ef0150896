"""Content codings undone (RFC 9110, section 8.4): piece by piece, as far as they go, never beyond a limit. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import brotli
import zstandard

_STEP = 64 * 1024  # decoded bytes that a library makes at a time
# Encoded bytes that are decoded at a time: where they are broken, so many are read again one by one. zstandard has no
# limit for what it makes of them: four bytes may stand for 128 KiB (RFC 8878, section 3.1.1.2), all of them for 32 MiB.
_SLICE = 1024
_MOST_CODINGS = 8
_LONGEST_NAME = 40  # characters of an unknown coding's name in a note
_ERRORS = (zlib.error, brotli.error, zstandard.ZstdError, ValueError, EOFError)


class Decoded(NamedTuple):
    """What could be decoded of a body, and why that is not all of it (None if it is)."""

    data: bytes
    note: str | None = None
    too_large: bool = False


def undone(body: bytes, encoding: str, limit: int) -> Decoded:
    """`body` without the content codings of `encoding`, the value of a Content-Encoding header.

    At most `limit` bytes are given back. Raises nothing.
    """
    decoder = Decoder(encoding, limit)
    data = decoder.feed(body)
    decoder.end()
    return Decoded(data, decoder.note, decoder.too_large)


class Decoder:
    """Undoes the content codings of one body, as it arrives.

    `note` says why there is no more, None as long as there may be. What was fed is kept (by reference): where the data
    are broken, it is read a second time to find the exact place.
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
        """What can be decoded with some more of the body; nothing after the end or a fault."""
        found: list[bytes] = []
        for at in range(0, len(data), _SLICE):
            if self.note is not None:
                break
            found += self._decode(data[at : at + _SLICE])
        return b"".join(found)

    def end(self) -> None:
        """The body has come to its end: if its codings have not, `note` says so."""
        if self.note is None and not self._chain.is_whole:
            self.note = f"cut off after {self.size} decoded bytes"

    def _decode(self, piece: bytes) -> list[bytes]:
        try:
            found = list(self._chain.pieces(piece))
        except _TooMuch as stop:
            found = [b"".join(stop.found)[: self._limit - self.size]]
            self.note, self.too_large = f"decoded body larger than {self._limit} bytes", True
        except _ERRORS:
            found = self._up_to_the_break(piece)
            self.note = f"broken after {self.size + sum(map(len, found))} decoded bytes"
        self._fed.append(piece)
        self.size += sum(map(len, found))
        return found

    def _up_to_the_break(self, piece: bytes) -> list[bytes]:
        """What `piece`, in which the data are broken, holds before that: libraries throw it away with the error."""
        chain, found = self._new_chain(), []
        try:
            for earlier in self._fed:
                for _ in chain.pieces(earlier):
                    pass
            for at in range(len(piece)):
                found += chain.pieces(piece[at : at + 1])
        except (_TooMuch, *_ERRORS):
            pass
        return found

    def _new_chain(self) -> _Chain:
        return _Chain([_CODINGS[name]() for name in reversed(self._names)], self._limit)


def codings(encoding: str) -> list[str]:
    """The names in a Content-Encoding header, in the order in which they were applied; `identity` is left out."""
    names = (part.strip().lower() for part in encoding.split(","))
    return [name for name in names if name not in ("", "identity")]


class _TooMuch(Exception):
    """More was decoded than is allowed: `found` by the present piece."""

    def __init__(self, found: list[bytes]) -> None:
        super().__init__()
        self.found = found


class _Coding(Protocol):
    """One content coding on its way back."""

    @property
    def is_whole(self) -> bool:
        """What it was given ends where the coding ends."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What can be decoded with some more data, in pieces that are not large. Raises one of `_ERRORS`."""


class _Chain:
    """The codings of a body, last applied first. None of them may make more than `limit` bytes."""

    def __init__(self, stages: list[_Coding], limit: int) -> None:
        self._stages = stages
        self._limit = limit
        self._sizes = [0] * len(stages)

    @property
    def is_whole(self) -> bool:
        return all(stage.is_whole for stage in self._stages)

    def pieces(self, data: bytes) -> list[bytes]:
        """What can be decoded with some more data. Raises _TooMuch, and what codings raise."""
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
                raise _TooMuch(found)


class _Zlib:
    """The formats of zlib. gzip data may be several members, one after the other, with zeros behind (RFC 1952)."""

    def __init__(self, window: int, *, has_members: bool = False) -> None:
        self.is_whole = False
        self._window = window
        self._has_members = has_members
        self._member = zlib.decompressobj(window)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        is_full = False
        while data or is_full:
            if self.is_whole and not (data := self._between(data)):
                return
            piece = self._member.decompress(data, _STEP)
            is_full = len(piece) == _STEP  # what does not fit comes with the next call, perhaps without more data
            yield piece
            self.is_whole = self._member.eof
            data = self._member.unused_data if self.is_whole else self._member.unconsumed_tail
            is_full = is_full and not self.is_whole

    def _between(self, data: bytes) -> bytes:
        """The beginning of the next member, if there is one."""
        data = data.lstrip(b"\0") if self._has_members else data
        if data and not self._has_members:
            raise ValueError("data behind the end")
        if data:
            self.is_whole = False
            self._member = zlib.decompressobj(self._window)
        return data


class _Deflate:
    """`deflate` should be in a zlib wrapper; some senders leave it out (RFC 9110, section 8.4.1.2)."""

    def __init__(self) -> None:
        self._start = b""
        self._format: _Zlib | None = None

    @property
    def is_whole(self) -> bool:
        return self._format is not None and self._format.is_whole

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
        self.is_whole = False
        self._decompressor = brotli.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self.is_whole and data:
            raise ValueError("data behind the end")
        piece = self._decompressor.process(data, output_buffer_limit=_STEP)
        while piece:
            yield piece
            if self._decompressor.is_finished():
                break
            piece = self._decompressor.process(b"", output_buffer_limit=_STEP)  # what went beyond a step is held back
        self.is_whole = self._decompressor.is_finished()


class _Zstd:
    """Zstandard, of one frame or several (RFC 8878)."""

    def __init__(self) -> None:
        self.is_whole = False
        self._frame = zstandard.ZstdDecompressor().decompressobj(write_size=_STEP)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self.is_whole:
                self._frame = zstandard.ZstdDecompressor().decompressobj(write_size=_STEP)
            yield self._frame.decompress(data[:_SLICE])
            self.is_whole = self._frame.eof
            data = (self._frame.unused_data if self.is_whole else b"") + data[_SLICE:]


def _gzip() -> _Zlib:
    return _Zlib(zlib.MAX_WBITS + 16, has_members=True)


_CODINGS: dict[str, Callable[[], _Coding]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
