"""Environment variables in the text of a config file: `${NAME}`, `$NAME` and `${NAME|OTHER}`. Pure functions.

`${NAME|OTHER}` is the first of these variables that is set and not empty.

Inside a JSON string the value is escaped, so that a quote or a backslash in it cannot break out. Outside a string it
must be a JSON number, `true`, `false` or `null`. `$$` is a dollar sign. Filling keeps the lines of the file, so that
line 7 of the filled text is line 7 of the file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# One token at a time, inside a string or outside; a quote after a backslash does not end a string.
_TOKEN = re.compile(
    r'(?P<escape>\\.)|(?P<quote>")|\$(?:(?P<dollar>\$)|\{(?P<braced>\w+(?:\|\w+)*)\}|(?P<bare>\w+))',
    re.ASCII | re.DOTALL,
)
_SCALAR = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null")


@dataclass(frozen=True, slots=True)
class Reference:
    """A variable in the text; `offset` is where its value begins in the filled text."""

    name: str
    offset: int
    is_set: bool
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """The text with the values of its variables, the variables in it, and the problems with them."""

    text: str
    references: tuple[Reference, ...]
    problems: tuple[Problem, ...]


def fill(text: str, environ: Mapping[str, str]) -> Filled:
    """Replace the variables in `text`. One that is not set is empty inside a string, and a problem elsewhere."""
    filling = _Filling(text, environ)
    for match in _TOKEN.finditer(text):
        filling.take(match)
    return filling.done()


def unquoted(text: str) -> Iterator[tuple[int, int]]:
    """Where the variables outside of strings are, as in `"gl_port": ${GL_PORT}`: start and end of each."""
    in_string = False
    for match in _TOKEN.finditer(text):
        if match["quote"]:
            in_string = not in_string
        elif not in_string and (match["braced"] or match["bare"]):
            yield match.span()


def names_in(text: str) -> tuple[tuple[str, ...], ...]:
    """The variables in a piece of a config file: for each reference its names, which are `("A", "B")` for `${A|B}`."""
    found = ((match["braced"] or match["bare"]) for match in _TOKEN.finditer(text))
    return tuple(tuple(names.split("|")) for names in found if names)


class _Filling:
    """The state of one pass over a text."""

    def __init__(self, text: str, environ: Mapping[str, str]) -> None:
        self._text = text
        self._environ = environ
        self._parts: list[str] = []
        self._length = 0
        self._copied = 0
        self._in_string = False
        self._references: list[Reference] = []
        self._problems: list[Problem] = []

    def take(self, match: re.Match[str]) -> None:
        if match["escape"]:
            return
        if match["quote"]:
            self._in_string = not self._in_string
            return
        self._put(self._text[self._copied : match.start()])
        self._copied = match.end()
        if match["dollar"]:
            self._put("$")
            return
        names = (match["braced"] or match["bare"]).split("|")
        value = next(filter(None, map(self._environ.get, names)), self._environ.get(names[0]))
        name = " or ".join(names)
        self._references.append(Reference(name, self._length, value is not None, is_empty=not value))
        self._put(self._escaped(value or "") if self._in_string else self._scalar(name, value, match.start()))

    def done(self) -> Filled:
        self._put(self._text[self._copied :])
        return Filled("".join(self._parts), tuple(self._references), tuple(self._problems))

    def _put(self, part: str) -> None:
        self._parts.append(part)
        self._length += len(part)

    @staticmethod
    def _escaped(value: str) -> str:
        return json.dumps(value)[1:-1]

    def _scalar(self, name: str, value: str | None, start: int) -> str:
        if value is not None and _SCALAR.fullmatch(value):
            return value
        rule = "is not set" if value is None else "is not a number, true, false or null"
        line = self._text.count("\n", 0, start) + 1
        self._problems.append(Problem("", f"the environment variable {name}, used outside a string, {rule}", line))
        return "null"
