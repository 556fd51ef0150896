"""The top level of a JSON object: its members in their order, repeated names included, and where they stand. Pure.

JSON parsers keep the last of two members with one name, or the first, and some compare names without case: whoever
decides by a member has to see all of them.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from gecholog import rawjson


class TopLevelMember(NamedTuple):
    """A member: its name, without escapes, and the place of its value."""

    name: str
    start: int
    end: int


class _Name:
    """A name that equals no other, so that a dict keeps the members of repeated names."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _name(_type: type, text: Any) -> _Name:
    return _Name(text)


_decode = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=_name).decode
_BEFORE_VALUE = re.compile(rb'[ \t\r\n{,]*"(?:[^"\\]|\\.)*"[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)

# What `gecholog.lenient` repairs, by something of the same size: control characters, bytes beyond ASCII, NaN, Infinity.
_PLAIN = bytes(0x20 if code < 0x20 else code if code < 0x80 else ord("?") for code in range(256))  # noqa: PLR2004
_CONSTANT = re.compile(rb"-?Infinity|NaN")


def top_level(body: bytes) -> list[TopLevelMember] | None:
    """The members of a JSON object in UTF-8; None if `body` is none.

    JSON with small errors is read as `gecholog.lenient` reads it, but without a byte order mark.
    """
    values = _values(body)
    if values is None:
        return None
    members, at = [], 0
    for name, value in values.items():
        before = _BEFORE_VALUE.match(body, at)
        if before is None:
            return None
        start = before.end()
        at = start + len(memoryview(value))
        members.append(TopLevelMember(name.text, start, at))
    return members


def _values(body: bytes) -> dict[_Name, msgspec.Raw] | None:
    for written in (bytes, rawjson.without_surrogates, _of_same_shape):
        try:
            return _decode(written(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return None


def _of_same_shape(body: bytes) -> bytes:
    """JSON whose values stand at the same places, without the errors that can be repaired."""
    plain = _CONSTANT.sub(lambda constant: b"1" * len(constant[0]), body.translate(_PLAIN))
    return rawjson.without_surrogates(plain)
