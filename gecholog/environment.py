"""Environment variables in the text of a config file: `${NAME}`, `$NAME` and `${NAME|OTHER}`. Pure functions.

`${NAME|OTHER}` is the first of these variables that is set and not empty. `${file:/run/secrets/key}` is the content of
a file without the line break at its end, as Docker and Kubernetes provide secrets. `${secret:NAME}` is a secret of the
store (`gecholog.secret_store`), which may stand only inside a string.

Inside a JSON string the value is escaped, so that a quote or a backslash in it cannot break out. Outside a string it
must be a JSON number, `true`, `false` or `null`. `$$` is a dollar sign. Filling keeps the lines of the file, so that
line 7 of the filled text is line 7 of the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gecholog.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# One token at a time, inside a string or outside; a quote after a backslash does not end a string.
_TOKEN = re.compile(
    r'(?P<escape>\\.)|(?P<quote>")|'
    r'\$(?:(?P<dollar>\$)|\{(?P<braced>\w+(?:\|\w+)*)\}|\{(?P<kind>file|secret):(?P<item>[^{}"\\\n]+)\}|(?P<bare>\w+))',
    re.ASCII | re.DOTALL,
)
_SCALAR = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null")


FILE = "file:"
"""The beginning of the name of a reference to a file."""

SECRET = "secret:"  # noqa: S105 - the name of a kind
"""The beginning of the name of a reference to a secret of the store."""

Lookup = Callable[[str], str | None]
"""Takes a path or a name, and returns the value, or None."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A variable in the text; `offset` is where its value begins in the filled text.

    For a file the name is `file:` and the path; it is not set if the file cannot be read. For a secret of the
    store it is `secret:` and its name. `value` may be a secret.
    """

    name: str
    offset: int
    is_set: bool
    is_empty: bool = False
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Filled:
    """The text with the values of its variables, the variables in it, and the problems with them."""

    text: str
    references: tuple[Reference, ...]
    problems: tuple[Problem, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of the files that the text refers to."""
        names = dict.fromkeys(ref.name.removeprefix(FILE) for ref in self.references if ref.name.startswith(FILE))
        return tuple(names)


def _nothing(_: str) -> str | None:
    return None


def fill(text: str, environ: Mapping[str, str], read_file: Lookup = _nothing, read_secret: Lookup = _nothing) -> Filled:
    """Replace the variables in `text`. One that is not set is empty inside a string, and a problem elsewhere.

    `read_file` takes the path of a file and returns its content, `read_secret` the name of a secret of the store.
    """
    filling = _Filling(text, environ, {FILE: read_file, SECRET: read_secret})
    for match in _TOKEN.finditer(text):
        filling.take(match)
    return filling.done()


def unquoted(text: str) -> Iterator[tuple[int, int]]:
    """Where the variables outside of strings are, as in `"gl_port": ${GL_PORT}`: start and end of each."""
    in_string = False
    for match in _TOKEN.finditer(text):
        if match["quote"]:
            in_string = not in_string
        elif not in_string and (match["braced"] or match["bare"] or match["item"]):
            yield match.span()


def names_in(text: str) -> tuple[tuple[str, ...], ...]:
    """The variables in a piece of a config file: for each reference its names, which are `("A", "B")` for `${A|B}`.

    For a file it is the name of the reference, `file:` and the path, and alike for a secret.
    """
    return tuple(names for match in _TOKEN.finditer(text) if (names := _names(match)))


def _names(match: re.Match[str]) -> tuple[str, ...]:
    if match["item"]:
        return (f"{match['kind']}:{match['item']}",)
    names = match["braced"] or match["bare"]
    return tuple(names.split("|")) if names else ()


def origin(name: str) -> str:
    """The name of a reference in messages."""
    if name.startswith(FILE):
        return f"the file {name.removeprefix(FILE)}"
    return f"the secret {name.removeprefix(SECRET)}" if name.startswith(SECRET) else f"the environment variable {name}"


def unset(name: str) -> str:
    """How a message says that a reference has no value."""
    if name.startswith(SECRET):
        return "is not in the secret store"
    return "cannot be read" if name.startswith(FILE) else "is not set"


def bare(name: str) -> str:
    """The name of a reference without its kind: the path of a file, the name of a secret or a variable."""
    return name.removeprefix(FILE).removeprefix(SECRET)


class _Filling:
    """The state of one pass over a text."""

    def __init__(self, text: str, environ: Mapping[str, str], lookups: Mapping[str, Lookup]) -> None:
        self._text = text
        self._environ = environ
        self._lookups = lookups
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
        names = _names(match)
        if match["item"]:
            value = self._lookups[match["kind"] + ":"](match["item"])
        else:
            value = next(filter(None, map(self._environ.get, names)), self._environ.get(names[0]))
        name = " or ".join(names)
        self._references.append(Reference(name, self._length, value is not None, not value, value or ""))
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
        rule = unset(name) if value is None else "is not a number, true, false or null"
        line = self._text.count("\n", 0, start) + 1
        self._problems.append(Problem("", f"{origin(name)}, used outside a string, {rule}", line))
        return "null"
