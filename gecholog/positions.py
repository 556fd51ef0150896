"""Positions of values in a JSON text, by their paths, for messages that name the line.

The text must be valid JSON (`json.loads` has accepted it), so the walk checks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from json import decoder

Path = tuple[str | int, ...]

# The standard library's scanner of JSON strings: (text, offset after the quote) -> (string, offset after the string).
_scan_string: Callable[[str, int], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]

_BLANK = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^ \t\r\n,\]}]+")


def locate(text: str) -> dict[Path, tuple[int, int]]:
    """Start and end of every value in `text`, by its path (`("routers", 2, "path")`; the whole text is `()`)."""
    spans: dict[Path, tuple[int, int]] = {}
    _value(text, _skip(text, 0), (), spans)
    return spans


def line_of(text: str, offset: int) -> int:
    """The number of the line that contains `offset`, counted from 1."""
    return text.count("\n", 0, offset) + 1


def pointer(path: Path) -> str:
    """A path as a JSON pointer (RFC 6901): `("a/b", 2)` → `/a~1b/2`."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _value(text: str, start: int, path: Path, spans: dict[Path, tuple[int, int]]) -> int:
    """Walk the value that begins at `start`; returns the offset after it."""
    first = text[start]
    if first == "{":
        end = _members(text, start, path, spans)
    elif first == "[":
        end = _items(text, start, path, spans)
    elif first == '"':
        _, end = _scan_string(text, start + 1)
    else:
        match = _SCALAR.match(text, start)
        end = match.end() if match else start
    spans[path] = (start, end)
    return end


def _members(text: str, start: int, path: Path, spans: dict[Path, tuple[int, int]]) -> int:
    at = _skip(text, start + 1)
    while text[at] != "}":
        name, at = _scan_string(text, at + 1)
        at = _skip(text, _skip(text, at) + 1)  # the colon
        at = _skip(text, _value(text, at, (*path, name), spans))
        if text[at] == ",":
            at = _skip(text, at + 1)
    return at + 1


def _items(text: str, start: int, path: Path, spans: dict[Path, tuple[int, int]]) -> int:
    at, index = _skip(text, start + 1), 0
    while text[at] != "]":
        at = _skip(text, _value(text, at, (*path, index), spans))
        index += 1
        if text[at] == ",":
            at = _skip(text, at + 1)
    return at + 1
