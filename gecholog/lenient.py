"""Reads JSON with small errors, as some LLM servers send it. Pure.

    strict    convert it to strict JSON, and list the repairs
    in_utf8   convert it to UTF-8, without other repairs
    loads     its value

Accepted are: a byte order mark, UTF-16 and UTF-32, bytes in strings that are not UTF-8, `NaN` and `Infinity`, and
control characters in strings. All other bytes stay as they are: digits, escapes, white space, the order of names.
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
_SLICE = 64 * 1024  # bytes that are decoded at a time, so that other threads can run in between
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_CONSTANT = re.compile(rb"-?Infinity|NaN")
_CONTROL = re.compile(rb"[\x00-\x1f]")
_MOST_PLACES = 200_000  # places that are repaired one by one; a body with more stays as it is
_LONGEST_INTEGER = 20  # characters of the smallest and the largest integer of 64 bits

_MARK = "byte order mark left out"
_UTF8 = "bytes that are not UTF-8 replaced"
_CONSTANTS = "NaN and Infinity read as null"
_CONTROLS = "control characters in strings escaped"


class Strict(NamedTuple):
    """Strict JSON (RFC 8259), and the repairs; none if the bytes are unchanged."""

    data: bytes
    repairs: tuple[str, ...] = ()


def strict(data: bytes) -> Strict | None:
    """`data` as strict JSON in UTF-8; None if it cannot be repaired. Takes linear time."""
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
    """The value of JSON that may have small errors. Raises NotJson. Integers beyond 64 bits become floats."""
    try:
        return orjson.loads(memoryview(data))  # it may be a `Raw`
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
    """Convert JSON in UTF-16 or UTF-32 to UTF-8, without a byte order mark; other bytes are returned unchanged."""
    if data.startswith(b"{") and data.find(b"\0", 0, 4) < 0:  # most bodies
        return data
    return _in_utf8(data)[0]


def _in_utf8(data: bytes) -> tuple[bytes, list[str]]:
    """Convert UTF-16 and UTF-32, told by their zeros (RFC 4627, section 3), to UTF-8 without a byte order mark."""
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
    """Replace bytes that are not UTF-8 by U+FFFD, as browsers and SSE do."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    slices = [decoder.decode(data[at : at + _SLICE]).encode("utf-8") for at in range(0, len(data), _SLICE)]
    valid = b"".join([*slices, decoder.decode(b"", final=True).encode("utf-8")])
    return valid, [_UTF8] if valid != data else []


def _with_null(data: bytes) -> tuple[bytes, list[str]]:
    """Replace NaN and Infinity, which JSON does not have (RFC 8259, section 6), by `null`."""
    places = _found(_CONSTANT, data, in_strings=False)
    return _replaced(data, places, lambda _: b"null"), [_CONSTANTS] if places else []


def _with_escapes(data: bytes) -> tuple[bytes, list[str]]:
    r"""Escape control characters in strings: a line break becomes `\u000a` (RFC 8259, section 7)."""
    places = _found(_CONTROL, data, in_strings=True)
    return _replaced(data, places, lambda control: b"\\u%04x" % control[0]), [_CONTROLS] if places else []


def _found(pattern: re.Pattern[bytes], data: bytes, *, in_strings: bool) -> list[tuple[int, int]]:
    """The places where a pattern occurs inside strings, or outside; none if there are too many."""
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
    """JSON of the same size without escaped quotes, so that every quote begins or ends a string."""
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


# Also for text that is cut off (`raw_decode`): what it loads can be dumped again.
DECODER = json.JSONDecoder(strict=False, parse_int=_integer, parse_constant=_nothing)
