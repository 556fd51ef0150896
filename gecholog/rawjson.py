"""JSON that travels as bytes: parsed once, only to know that it is JSON, and never written anew.

Payloads are the largest part of a record. Loading and dumping them would cost time and change them (digits of numbers,
escapes, white space), so a payload is kept as `Raw` bytes inside otherwise ordinary dicts and lists.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import msgspec
import orjson

from gecholog.errors import NotJson

_split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


class Raw(bytes):
    """One JSON value, as the bytes that somebody sent. Only make one from bytes that are known to be JSON."""

    __slots__ = ()


def is_json(data: bytes) -> bool:
    """Tell whether `data` is one JSON value in UTF-8 (RFC 8259, without a byte order mark).

    orjson answers quickly for nearly everything. It also refuses what the grammar allows (lone surrogates, numbers out
    of range, depth over 1,024), so the standard library has the second opinion.
    """
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return _is_json_by_grammar(data)
    return True


def _is_json_by_grammar(data: bytes) -> bool:
    try:
        # numbers are not converted: int() refuses more than 4,300 digits, the grammar does not
        json.loads(data.decode("utf-8"), parse_constant=_no_constant, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON


def split(data: bytes) -> dict[str, Raw]:
    """Take the top level of a JSON object apart; the values stay the bytes that they are.

    Raises NotJson if `data` is not a JSON object. Of a name that comes twice the last value counts.
    """
    if not is_json(data):
        raise NotJson("not JSON")
    try:
        parts = _split(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotJson("not a JSON object") from error
    return {name: Raw(value) for name, value in parts.items()}


def loads(data: bytes) -> Any:
    """The value of JSON bytes. Raises NotJson. Integers beyond 64 bits may lose digits."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson("not JSON") from error


def dumps(value: Any) -> bytes:
    """JSON of `value` in UTF-8, on one line; `Raw` parts go in as they are, line breaks between their tokens as spaces.

    `value` holds dicts with string keys, lists, strings, numbers, booleans, None and Raw. Strings with lone surrogates
    (from header bytes that are no UTF-8) come out with replacement characters.
    """
    try:
        return orjson.dumps(value, default=_fragment)
    except orjson.JSONEncodeError:
        return orjson.dumps(_without_surrogates(value), default=_fragment)


def _fragment(value: Any) -> orjson.Fragment:
    if not isinstance(value, Raw):
        raise TypeError(type(value).__name__)
    data = bytes(value)
    # inside a JSON string a line break is always escaped: every bare one is white space between tokens
    return orjson.Fragment(data.translate(_LINE_BREAKS) if b"\n" in data or b"\r" in data else data)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value
