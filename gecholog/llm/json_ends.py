"""Reads members of a JSON object of which only the beginning and the end are available.

Both are read token by token, the end from its last byte backwards: outside of strings nothing else looks like a quote,
and inside of one a quote is told by the backslashes before it, so text in strings is never taken for a member. Time is
linear in the bytes that are given.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

# In this direction, and as it stands when the bytes are in reverse order. The repeated group is not possessive, for
# Python does not go back to where the group began if a part of it was found; there is one way only to find it anyway.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*"', re.DOTALL)
_STRING_BACK = re.compile(rb'"(?:[^"]++|"(?=\\(?:\\\\)*(?!\\)))*"')
# What brings no bracket: anything outside of strings, and strings.
_SKIPPED = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING.pattern + rb")*", re.DOTALL)
_SKIPPED_BACK = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING_BACK.pattern + rb")*")
_SCALAR = re.compile(rb'[^\s",:{}\[\]]++')
_SPACE = re.compile(rb"[ \t\r\n]*+")
_COMMA, _COLON, _QUOTE = b",", b":", b'"'


@dataclass(frozen=True, slots=True)
class Members:
    """Members of an object, as they were written.

    `inner` are those of the value at which reading stopped, if it is an object whose other end is not there. `outside`
    is what is beyond the other end of the object itself and white space, None if that was not reached.
    """

    found: dict[str, bytes] = field(default_factory=dict)
    inner: dict[str, bytes] = field(default_factory=dict)
    outside: bytes | None = None

    def values(self, names: Collection[str]) -> dict[str, Any]:
        """The members with these names, as far as they can be decoded."""
        return dict(_decoded(self.found, names))

    def inner_values(self, names: Collection[str]) -> dict[str, Any]:
        """The same for `inner`."""
        return dict(_decoded(self.inner, names))


def first_members(data: bytes, until: Collection[str] = ()) -> Members:
    """The first members of the object at the beginning of `data`, as far as they are complete.

    Stops after an object with one of the names in `until`.
    """
    return _Reader(data, until, is_back=False).members()


def last_members(data: bytes, until: Collection[str] = ()) -> Members:
    """The last members of the object at the end of `data`, as far as they are complete.

    Stops before an object with one of the names in `until`.
    """
    return _Reader(data[::-1], until, is_back=True).members()


def _decoded(found: Mapping[str, bytes], names: Collection[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if name in found:
            try:
                yield name, orjson.loads(found[name])
            except orjson.JSONDecodeError:
                continue


class _Reader:
    """Reads an object from its first byte on; in reverse order, that is its last."""

    def __init__(self, data: bytes, until: Collection[str], *, is_back: bool) -> None:
        self._data = data
        self._until = until
        self._string, self._skipped = (_STRING_BACK, _SKIPPED_BACK) if is_back else (_STRING, _SKIPPED)
        self._opening, self._closing = (b"}]", b"{[") if is_back else (b"{[", b"}]")
        self._is_back = is_back
        self._at = 0

    def members(self) -> Members:
        """The members that can be read."""
        self._space()
        if not self._take(self._opening[:1]):
            return Members()
        found = self._read()
        if self._take(self._closing[:1]):
            return Members(found, outside=self._forwards(self._at, len(self._data)))
        # where it stopped, a value may begin whose other end is not there
        return Members(found, self._read() if self._take(self._opening[:1]) else {})

    def _read(self) -> dict[str, bytes]:
        """The members of the object that has begun, up to its other end or as far as they are whole."""
        found: dict[str, bytes] = {}
        while (member := self._member()) is not None:
            name, value = member
            if not self._is_back or name not in found:  # of a name that comes twice the last value counts
                found[name] = value
            if (name in self._until and value.startswith(b"{")) or not self._take(_COMMA):
                break
        return found

    def _member(self) -> tuple[str, bytes] | None:
        if self._is_back:
            value = self._value()
            name = self._quoted() if value is not None and self._take(_COLON) else None
        else:
            name = self._quoted()
            value = self._value() if name is not None and self._take(_COLON) else None
        return None if name is None or value is None else (_text(name), value)

    def _value(self) -> bytes | None:
        start = self._at
        following = self._next()
        if following == _QUOTE:
            return self._quoted()
        if following and following in self._opening:
            return self._nested()
        scalar = _SCALAR.match(self._data, start)
        if scalar is None or scalar.end() == len(self._data):  # there may be more of it
            return None
        self._at = scalar.end()
        return self._forwards(start, self._at)

    def _quoted(self) -> bytes | None:
        string = self._string.match(self._data, self._at)
        if string is None:
            return None
        self._at = string.end()
        return self._forwards(string.start(), self._at)

    def _nested(self) -> bytes | None:
        """An object or a list, whole. Nothing is taken if its other end is not there."""
        data, size, skipped = self._data, len(self._data), self._skipped
        at, depth = self._at, 0
        while at < size:
            if data[at] in self._opening:
                depth += 1
            elif data[at] in self._closing:
                depth -= 1
            else:  # a string whose other end is not there
                return None
            at += 1
            if depth == 0:
                start, self._at = self._at, at
                return self._forwards(start, at)
            if (found := skipped.match(data, at)) is not None:
                at = found.end()
        return None

    def _next(self) -> bytes:
        return self._data[self._at : self._at + 1]

    def _space(self) -> None:
        found = _SPACE.match(self._data, self._at)
        self._at = found.end() if found else self._at

    def _take(self, mark: bytes) -> bool:
        """Consume a mark and the white space around it."""
        self._space()
        if self._next() != mark:
            return False
        self._at += 1
        self._space()
        return True

    def _forwards(self, start: int, end: int) -> bytes:
        part = self._data[start:end]
        return part[::-1] if self._is_back else part


def _text(name: bytes) -> str:
    try:
        return str(orjson.loads(name))
    except orjson.JSONDecodeError:
        return ""
