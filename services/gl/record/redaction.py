"""Masks what patterns match in texts, and in the strings and numbers of JSON. Pure, except for a clock.

The patterns are RE2's, which search in linear time. A payload can still be hostile: each match begins a new search,
so there is a time limit for all searches in a payload, in CPU time of the thread, which grows with its size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from json import loads as loads_anything
from time import thread_time
from typing import Any, NamedTuple, Protocol

import orjson

from gecholog.plugins import import_extra
from gecholog.rawjson import dumps, is_json

MASK = "*****MASKED*****"
_LIMIT_S = 0.05
_LIMIT_PER_BYTE_S = 1e-6  # ten times what strings of 20 characters take with one pattern
_CHECKED = 64  # values between two looks at the clock
_DEPTH = 4  # of JSON in strings of JSON
# The strings and numbers of valid JSON: everything else in it are brackets, commas, colons, literals and white space.
_VALUE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)


class TooSlow(Exception):
    """The search takes longer than the time limit."""


class Match(Protocol):
    """A match of a pattern."""

    def span(self, group: int = 0, /) -> tuple[int, int]: ...


class Pattern(Protocol):
    """A compiled pattern."""

    def finditer(self, text: str, /) -> Iterator[Match]: ...

    def search(self, text: str, /) -> Match | None: ...


def compiled(expression: str) -> Pattern:
    """Compile an expression in RE2 syntax. Raises ValueError with a rule for operators, and ConfigError without RE2."""
    re2: Any = import_extra("re2", extra="regex")
    options = re2.Options()
    options.log_errors = False  # RE2 would print the expression to standard error
    try:
        found: Pattern = re2.compile(expression, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"must be a regular expression in RE2 syntax ({said.partition(':')[0]})") from None
    if found.search("") is not None:
        raise ValueError("must not match an empty text")
    return found


def masked_text(text: str, patterns: Iterable[Pattern]) -> str:
    """The text with a mask in place of each match. JSON in it is searched as JSON as well. Raises TooSlow."""
    return _Search(tuple(patterns), len(text)).text(text, _DEPTH)


def masked_json(data: bytes, patterns: Iterable[Pattern]) -> bytes:
    """Valid JSON, with masks in its strings, its names, and in place of numbers. Raises TooSlow.

    Escapes in strings are decoded before the search. All other bytes stay as they are.
    """
    return _Search(tuple(patterns), len(data)).json(data, _DEPTH)


class _Span(NamedTuple):
    start: int
    end: int


class _Search:
    """The search in one payload, with its time limit."""

    def __init__(self, patterns: tuple[Pattern, ...], size: int) -> None:
        self._patterns = patterns
        self._end = thread_time() + _LIMIT_S + size * _LIMIT_PER_BYTE_S
        self._left = _CHECKED

    def json(self, data: bytes, depth: int) -> bytes:
        """Mask the values of JSON."""

        def masked(found: re.Match[bytes]) -> bytes:
            written = found[0]
            text = _decoded(written)
            new = self.text(text, depth)
            return written if new == text else dumps(new)

        return _VALUE.sub(masked, data)

    def text(self, text: str, depth: int) -> str:
        """Mask a text."""
        self._look_at_the_clock()
        if depth and text[:1] in ("{", "[") and is_json(data := text.encode("utf-8")):
            text = self.json(data, depth - 1).decode("utf-8")
        for pattern in self._patterns:
            if spans := self._spans(pattern, text):
                text = _without(text, spans)
        return text

    def _spans(self, pattern: Pattern, text: str) -> list[_Span]:
        found = []
        for match in pattern.finditer(text):
            self._look_at_the_clock()
            span = _Span(*match.span())
            if span.start < span.end:
                found.append(span)
        return found

    def _look_at_the_clock(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self._left = _CHECKED
            if thread_time() > self._end:
                raise TooSlow


def _decoded(written: bytes) -> str:
    """The text of a JSON string or number. Lone surrogates, which RE2 does not accept, become other characters."""
    if not written.startswith(b'"'):
        return written.decode("ascii")
    if b"\\" not in written:
        return written[1:-1].decode("utf-8")
    try:
        text: str = orjson.loads(written)
    except orjson.JSONDecodeError:
        text = loads_anything(written).encode("utf-8", "replace").decode("utf-8")
    return text


def _without(text: str, spans: Iterable[_Span]) -> str:
    """The text with a mask in place of each span."""
    parts: list[str] = []
    at = 0
    for start, end in spans:
        parts += (text[at:start], MASK)
        at = end
    return "".join((*parts, text[at:]))
