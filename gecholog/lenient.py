"""JSON that is a little off, as LLM servers send it, read as what it is meant to be. Pure.

    strict    the same as strict JSON bytes, and what was repaired
    in_utf8   the same in UTF-8, nothing else repaired
    loads     the value

Forgiven are: a byte order mark, UTF-16 and UTF-32, bytes in strings that are not UTF-8, `NaN` and `Infinity`, and
control characters in strings. Everything else stays the bytes that came: digits, escapes, white space, order of names.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from gecholog.errors import NotJson
from gecholog.rawjson import is_json

_SPACE = b" \t\r\n"
_SLICE = 64 * 1024  # bytes that are decoded at a time: other threads get their turn between two of them
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_CONSTANT = re.compile(rb"-?Infinity|NaN")
_CONTROL = re.compile(rb"[\x00-\x1f]")
_MOST_PLACES = 200_000  # that are repaired one by one: a body with more is left as it is
_LONGEST_INTEGER = 20  # characters of the smallest and the largest integer of 64 bits

_MARK = "byte order mark left out"
_UTF8 = "bytes that are not UTF-8 replaced"
_CONSTANTS = "NaN and Infinity read as null"
_CONTROLS = "control characters in strings escaped"


class Strict(NamedTuple):
    """JSON as RFC 8259 wants it, and what had to be repaired for that: nothing if the bytes are those that came."""

    data: bytes
    repairs: tuple[str, ...] = ()


def strict(data: bytes) -> Strict | None:
    """`data` as strict JSON in UTF-8; None if it is none by any repair. Takes time linear in its size."""
    if is_json(data):
        return Strict(data)
    data, repairs = _in_utf8(data)
    if data.lstrip(_SPACE)[:1] not in (b"{", b"["):
        return Strict(data, tuple(repairs)) if repairs and is_json(data) else None
    for repair in (_with_valid_bytes, _with_null, _with_escapes):
        if is_json(data):
            break
        data, done = repair(data)
        repairs += done
    return Strict(data, tuple(repairs)) if is_json(data) else None


def loads(data: bytes) -> Any:
    """The value of JSON that may be off. Raises NotJson. An integer beyond 64 bits becomes a float."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    found = strict(data)
    if found is None:
        raise NotJson("not JSON")
    try:
        return DECODER.decode(found.data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise NotJson("not JSON") from error


def in_utf8(data: bytes) -> bytes:
    """JSON in UTF-16 or UTF-32 as UTF-8, without a byte order mark; anything else as it is."""
    return _in_utf8(data)[0]


def _in_utf8(data: bytes) -> tuple[bytes, list[str]]:
    """UTF-16 and UTF-32 as UTF-8 (RFC 4627, section 3, tells them by their zeros), without a byte order mark."""
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :], [_MARK]
    if b"\0" not in data[:4] and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data, []
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding).encode("utf-8"), [f"{encoding.partition('-sig')[0].upper()} read as UTF-8"]
    except UnicodeError:
        return data, []


def _with_valid_bytes(data: bytes) -> tuple[bytes, list[str]]:
    """U+FFFD in place of bytes that are no UTF-8, as browsers and SSE have it."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    slices = [decoder.decode(data[at : at + _SLICE]).encode("utf-8") for at in range(0, len(data), _SLICE)]
    valid = b"".join([*slices, decoder.decode(b"", final=True).encode("utf-8")])
    return valid, [_UTF8] if valid != data else []


def _with_null(data: bytes) -> tuple[bytes, list[str]]:
    """`null` in place of NaN and Infinity: JSON has no word for them (RFC 8259, section 6)."""
    places = _found(_CONSTANT, data, in_strings=False)
    return _replaced(data, places, lambda _: b"null"), [_CONSTANTS] if places else []


def _with_escapes(data: bytes) -> tuple[bytes, list[str]]:
    r"""`\u000a` in place of a bare line break in a string, and so on (RFC 8259, section 7)."""
    places = _found(_CONTROL, data, in_strings=True)
    return _replaced(data, places, lambda control: b"\\u%04x" % control[0]), [_CONTROLS] if places else []


def _found(pattern: re.Pattern[bytes], data: bytes, *, in_strings: bool) -> list[tuple[int, int]]:
    """Where a pattern is found inside of strings, or outside; nowhere, if there are too many places."""
    plain = _without_escapes(data)
    places: list[tuple[int, int]] = []
    inside, at = False, 0
    for match in pattern.finditer(plain):
        inside ^= plain.count(b'"', at, match.start()) % 2 == 1
        at = match.start()
        if inside == in_strings:
            places.append(match.span())
            if len(places) > _MOST_PLACES:
                return []
    return places


def _without_escapes(data: bytes) -> bytes:
    """JSON of the same size in which quotes begin and end strings, and do nothing else."""
    parts, at = [], 0
    while at < len(data):
        piece = data[at : at + _SLICE]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # the escape ends behind it
            piece = data[at : at + _SLICE + 1]
        parts.append(_ESCAPED.sub(b"xx", piece))
        at += len(piece)
    return b"".join(parts)


def _replaced(data: bytes, places: list[tuple[int, int]], change: Callable[[bytes], bytes]) -> bytes:
    parts, at = [], 0
    for start, stop in places:
        parts += [data[at:start], change(data[start:stop])]
        at = stop
    return b"".join([*parts, data[at:]])


def _integer(digits: str) -> int | float:
    fits = len(digits) <= _LONGEST_INTEGER and -(2**63) <= int(digits) < 2**64
    return int(digits) if fits else float(digits)


def _nothing(_constant: str) -> None:
    return None


# For text that is cut off, too (`raw_decode`): what it loads can be dumped again.
DECODER = json.JSONDecoder(strict=False, parse_int=_integer, parse_constant=_nothing)
