"""JSON that is kept as bytes: it is validated once and never re-encoded.

Payloads are the largest part of a record. Loading and dumping them would take time and change them (digits of numbers,
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
)  # bytes: the standard library makes objects of all of it, and blocks all other threads meanwhile


class Raw(bytes):
    """One JSON value, as the bytes that someone sent. Make it only from bytes that are known to be JSON.

    orjson refuses subclasses of bytes: give it `memoryview(value)`.
    """

    summary: dict[str, Any] | None = None  # its replacement where the value is too large, if one has been made
    shown: tuple[Any, Any] | None = None  # a rule of privacy, and what records show by it in place of the value


def is_json(data: bytes) -> bool:
    """Tell whether `data` is one JSON value in UTF-8 (RFC 8259, without a byte order mark).

    msgspec walks over the value without making objects, and decides nearly every case quickly. It does not check the
    encoding of strings, and refuses lone surrogates, which the grammar allows: before its second try they are replaced
    by other characters. For small data the standard library decides in the end.
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
    r"""Replace surrogates by other characters of the same length: `\ud800` → `\ue800`."""
    return data.replace(b"\\ud", b"\\ue").replace(b"\\uD", b"\\uE")


def is_too_deep(data: bytes) -> bool:
    """Tell whether `data` is nested too deeply for the parsers here. It may still be JSON."""
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
    """The number, as a float if int() would refuse it: more than 4,300 digits take long to convert."""
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON


# numbers are not converted: int() refuses more than 4,300 digits, the grammar does not
_grammar = json.JSONDecoder(parse_constant=_no_constant, parse_int=str, parse_float=str)


def split(data: bytes) -> dict[str, Raw]:
    """Split the top level of a JSON object into its members; the values stay bytes.

    If a name occurs twice, the last value counts. Raises NotJson if `data` is not a JSON object.
    """
    if data == b"{}":  # the most frequent answer of processors
        return {}
    try:
        parts = _split(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # for example a name that is not UTF-8
        return _split_by_grammar(data)
    if not is_utf8(data):
        raise NotJson("not JSON")
    return {name: Raw(value) for name, value in parts.items()}


def _split_by_grammar(data: bytes) -> dict[str, Raw]:
    """`split` for data that msgspec refuses although it may be JSON."""
    try:
        return dict(_members(data.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        raise NotJson("not a JSON object") from error


def _members(text: str) -> Iterator[tuple[str, Raw]]:
    """Names and values of a JSON object. Only its top level is walked here; the library's C code reads the values.

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
    """The offset after `mark` and the white space around it. Raises ValueError if there is no mark."""
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
        return orjson.loads(memoryview(data))  # `Raw`, too, without a copy
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_constant, parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise NotJson("not JSON") from error


def dumps(value: Any) -> bytes:
    """Encode `value` as JSON in UTF-8, on one line. `Raw` parts are copied, line breaks between their tokens as spaces.

    `value` holds dicts with string keys, lists, strings, numbers, booleans, None and Raw. Lone surrogates in strings
    (from header bytes that are not UTF-8) become replacement characters. Raises TypeError for other values, and
    ValueError for values that are nested too deeply or integers of more than 4,300 digits.
    """
    try:
        return orjson.dumps(value, default=_fragment)
    except orjson.JSONEncodeError:
        pass
    try:
        return _slowly(value)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _on_one_line(data: bytes) -> bytes:
    """Replace line breaks by spaces: inside JSON strings they are always escaped, so all others separate tokens."""
    return data.replace(b"\n", b" ").replace(b"\r", b" ")  # the same object if it has none


def _fragment(value: Any) -> orjson.Fragment:
    if not isinstance(value, Raw):
        raise TypeError(type(value).__name__)
    return fragment(value)


def fragment(value: Raw) -> orjson.Fragment:
    """The value as a fragment, which orjson copies without calling back. It has memory of its own: do not keep it."""
    return orjson.Fragment(_on_one_line(bytes(value)))


def _slowly(value: Any) -> bytes:
    """Encode what orjson refuses: lone surrogates, integers beyond 64 bits, a depth over 254."""
    if isinstance(value, dict):
        members = []
        for name, item in value.items():  # not a comprehension, which would halve the possible depth
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
