"""JSON that travels as bytes: parsed once, only to know that it is JSON, and never written anew.

Payloads are the largest part of a record. Loading and dumping them would cost time and change them (digits of numbers,
escapes, white space), so a payload is kept as `Raw` bytes inside otherwise ordinary dicts and lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
import orjson

from gecholog.errors import NotJson

_split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_skim = msgspec.json.Decoder(msgspec.Raw).decode
_LONGEST_INTEGER = 4000  # digits
_SPACE = re.compile(r"[ \t\r\n]*")
_LARGEST_BY_GRAMMAR = (
    64 * 1024
)  # bytes: the standard library makes objects of all of it, and no thread goes on meanwhile


class Raw(bytes):
    """One JSON value, as the bytes that somebody sent. Only make one from bytes that are known to be JSON."""

    fragment: orjson.Fragment | None = None  # made when it is first written; a payload is written several times
    summary: dict[str, Any] | None = None  # what stands for it where it is too large, if somebody has made that


def is_json(data: bytes) -> bool:
    """Tell whether `data` is one JSON value in UTF-8 (RFC 8259, without a byte order mark).

    msgspec walks over the value without making anything of it, and answers quickly for nearly everything. It does not
    look at the encoding of strings, and refuses lone surrogates, which the grammar allows: for its second look they are
    other characters. Of what is small the standard library has the last opinion.
    """
    if not (_can_be_skimmed(data) or (b"\\u" in data and _can_be_skimmed(without_surrogates(data)))):
        return len(data) <= _LARGEST_BY_GRAMMAR and _is_json_by_grammar(data)
    return is_utf8(data)


def _can_be_skimmed(data: bytes) -> bool:
    try:
        _skim(data)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def without_surrogates(data: bytes) -> bytes:
    r"""`\ud800` as `\ue800`: as long and as well-formed, but no surrogate."""
    return data.replace(b"\\ud", b"\\ue").replace(b"\\uD", b"\\uE")


def is_too_deep(data: bytes) -> bool:
    """Tell whether `data` is nested so deeply that nobody reads it to its end. It may be JSON nevertheless."""
    try:
        _skim(data)
    except RecursionError:
        return True
    except msgspec.MsgspecError:
        pass
    return False


def is_utf8(data: bytes) -> bool:
    """Tell whether `data` is text in UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_json_by_grammar(data: bytes) -> bool:
    try:
        _grammar.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return True


def _number(digits: str) -> int | float:
    """int() refuses more than 4,300 digits, as a guard against numbers that take long to convert."""
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON


# numbers are not converted: int() refuses more than 4,300 digits, the grammar does not
_grammar = json.JSONDecoder(parse_constant=_no_constant, parse_int=str, parse_float=str)


def split(data: bytes) -> dict[str, Raw]:
    """Take the top level of a JSON object apart; the values stay the bytes that they are.

    Raises NotJson if `data` is not a JSON object. Of a name that comes twice the last value counts.
    """
    if data == b"{}":  # what most processors answer most of the time
        return {}
    try:
        parts = _split(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # a name that is no UTF-8
        return _split_by_grammar(data)
    if not is_utf8(data):
        raise NotJson("not JSON")
    return {name: Raw(value) for name, value in parts.items()}


def _split_by_grammar(data: bytes) -> dict[str, Raw]:
    """`split` for what msgspec refuses although it may be JSON."""
    try:
        return dict(_members(data.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        raise NotJson("not a JSON object") from error


def _members(text: str) -> Iterator[tuple[str, Raw]]:
    """Names and values of a JSON object. Only its own level is walked here, the values are read by the library's C.

    Raises ValueError, RecursionError.
    """
    at = _expected("{", text, 0)
    more = not text.startswith("}", at)
    while more:
        if not text.startswith('"', at):
            raise ValueError("a name was expected")
        name, at = _grammar.raw_decode(text, at)
        start = _expected(":", text, at)
        _, end = _grammar.raw_decode(text, start)
        yield name, Raw(text[start:end].encode("utf-8"))
        at = _behind_space(text, end)
        if more := text.startswith(",", at):
            at = _expected(",", text, at)
    if _expected("}", text, at) != len(text):
        raise ValueError("the end was expected")


def _expected(mark: str, text: str, at: int) -> int:
    """The place behind `mark` and the white space around it."""
    at = _behind_space(text, at)
    if not text.startswith(mark, at):
        raise ValueError(f"{mark} was expected")
    return _behind_space(text, at + 1)


def _behind_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def loads(data: bytes) -> Any:
    """The value of JSON bytes. Raises NotJson. Integers beyond 64 bits may lose digits."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_constant, parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise NotJson("not JSON") from error


def dumps(value: Any) -> bytes:
    """JSON of `value` in UTF-8, on one line; `Raw` parts go in as they are, line breaks between their tokens as spaces.

    `value` holds dicts with string keys, lists, strings, numbers, booleans, None and Raw. Strings with lone surrogates
    (from header bytes that are no UTF-8) come out with replacement characters. Raises TypeError for other values,
    ValueError for what is nested too deeply or an integer of more than 4,300 digits.
    """
    try:
        return orjson.dumps(value, default=_fragment)
    except orjson.JSONEncodeError:
        pass
    try:
        return _slowly(value)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def payload(data: bytes) -> Raw:
    """A whole body that is known to be JSON. It may be large: what is written of it shares its memory."""
    value = Raw(data)
    value.fragment = orjson.Fragment(_on_one_line(data))
    return value


def _on_one_line(data: bytes) -> bytes:
    """Inside a JSON string a line break is always escaped: every bare one is white space between tokens."""
    return data.replace(b"\n", b" ").replace(b"\r", b" ")  # the same object if there is none


def _fragment(value: Any) -> orjson.Fragment:
    if not isinstance(value, Raw):
        raise TypeError(type(value).__name__)
    return fragment(value)


def fragment(value: Raw) -> orjson.Fragment:
    """The same for `dumps`, which takes it without asking back."""
    if value.fragment is None:
        value.fragment = orjson.Fragment(_on_one_line(bytes(value)))
    return value.fragment


def _slowly(value: Any) -> bytes:
    """What orjson refuses: lone surrogates, integers beyond 64 bits, depth over 254."""
    if isinstance(value, dict):
        members = []
        for name, item in value.items():  # no comprehension: it would halve the depth that can be written
            members.append(_text(name) + b":" + _slowly(item))
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list | tuple):
        items = []
        for item in value:
            items.append(_slowly(item))  # noqa: PERF401 - as above
        return b"[" + b",".join(items) + b"]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value).encode()
    return orjson.dumps(value, default=_fragment)


def _text(value: str) -> bytes:
    if not isinstance(value, str):
        raise TypeError("names must be strings")
    return orjson.dumps(value.encode("utf-8", "replace").decode("utf-8"))
