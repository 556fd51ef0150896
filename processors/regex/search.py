"""The search for a pattern in texts. The clock is given; nothing here knows of a bus.

The patterns are RE2's: one search takes time in proportion to the text, there is no backtracking. Many searches, one
after each match, may still take that time each (`(x)(?:.*y)?` in a row of x), hence the time limit between two matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from gecholog import gjson
from gecholog.errors import GechologError
from gecholog.plugins import import_extra
from gecholog.rawjson import Raw, is_json

Clock = Callable[[], float]


class SearchTooLong(GechologError):
    """The search in an answer took longer than it may."""


class Match(Protocol):
    """One place where an expression matches."""

    def group(self, group: int, /) -> str | None: ...


class Expression(Protocol):
    """A compiled regular expression."""

    @property
    def groups(self) -> int: ...

    def finditer(self, text: str, /) -> Iterator[Match]: ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is looked for, and where: `path` leads to the text in a message; None: all that the assistant says."""

    expression: Expression
    path: gjson.Path | None = None


def compiled(regex: str) -> Expression:
    """Compile an expression in RE2 syntax, that of Go. Raises ValueError, with a sentence for people.

    Raises ConfigError if the library is not installed.
    """
    re2 = import_extra("re2", extra="regex")
    options = re2.Options()
    options.log_errors = False  # on standard error, with the expression
    try:
        expression: Expression = re2.compile(regex, options)
    except re2.error as error:
        raise ValueError(f"must be a regular expression in RE2 syntax ({_reason(error)})") from error
    return expression


def _reason(error: Exception) -> str:
    """What is wrong, without the part of the expression that RE2 quotes behind it."""
    said = error.args[0] if error.args else b""
    return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).partition(":")[0]


def sections(expression: Expression, texts: Iterable[str], seconds: float, clock: Clock) -> Iterator[str]:
    """What `expression` finds in each of `texts`: its first group (empty if that took no part), or the whole match.

    Raises SearchTooLong if it is not done within `seconds`.
    """
    group = min(expression.groups, 1)
    end = clock() + seconds
    for text in texts:
        for match in expression.finditer(_encodable(text)):
            yield match.group(group) or ""
            if clock() > end:
                raise SearchTooLong("the search took longer than the time limit")


def _encodable(text: str) -> str:
    """JSON strings may hold lone surrogates, which RE2 cannot be given."""
    return text.encode("utf-8", "replace").decode("utf-8")


def section(text: str, *, match_json: bool) -> dict[str, Any]:
    """A section as it stands in the answer; its `object` is null unless it is JSON and that is wanted."""
    data = text.encode("utf-8")
    return {"text": text, "object": Raw(data) if match_json and is_json(data) else None}
