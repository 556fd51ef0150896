"""Searches texts for a pattern. No I/O: the clock is an argument.

The patterns are RE2's. A search takes time in proportion to the text, without backtracking. There is one search after
each match, each of which may scan the rest of the text (`(x)(?:.*y)?` in a row of x), hence the time limit between
matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from gecholog import gjson
from gecholog.errors import GechologError
from gecholog.plugins import import_extra
from gecholog.rawjson import Raw, is_json

MonotonicClock = Callable[[], float]


class SearchTooLong(GechologError):
    """The search in a response has exceeded its time limit."""


class Match(Protocol):
    """A match of an expression."""

    def group(self, group: int, /) -> str | None: ...


class Expression(Protocol):
    """A compiled regular expression."""

    @property
    def groups(self) -> int: ...

    def finditer(self, text: str, /) -> Iterator[Match]: ...


@dataclass(frozen=True, slots=True)
class SearchPattern:
    """An expression, and the path of the text in a message. Without a path, the assistant's text is searched."""

    expression: Expression
    path: gjson.Path | None = None


def compiled(regex: str) -> Expression:
    """Compile an expression in RE2 syntax, as in Go.

    Raises ValueError with a message for operators, and ConfigError if the library is not installed.
    """
    re2 = import_extra("re2", extra="regex")
    options = re2.Options()
    options.log_errors = False  # RE2 would print the expression to standard error
    try:
        expression: Expression = re2.compile(regex, options)
    except re2.error as error:
        raise ValueError(f"must be a regular expression in RE2 syntax ({_reason(error)})") from error
    return expression


def _reason(error: Exception) -> str:
    """Return the reason of an error, without the part of the expression that RE2 quotes."""
    said = error.args[0] if error.args else b""
    return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).partition(":")[0]


def sections(expression: Expression, texts: Iterable[str], seconds: float, clock: MonotonicClock) -> Iterator[str]:
    """Yield the matches of `expression` in `texts`: the first group (empty if it did not match), or the whole match.

    Raises SearchTooLong after `seconds`.
    """
    group = min(expression.groups, 1)
    end = clock() + seconds
    for text in texts:
        for match in expression.finditer(_encodable(text)):
            yield match.group(group) or ""
            if clock() > end:
                raise SearchTooLong("the search took longer than the time limit")


def _encodable(text: str) -> str:
    """Replace lone surrogates, which JSON strings may contain and RE2 does not accept."""
    return text.encode("utf-8", "replace").decode("utf-8")


def section(text: str, *, match_json: bool) -> dict[str, Any]:
    """Return a section for the response. `object` is null unless `match_json` is set and the text is JSON."""
    data = text.encode("utf-8")
    return {"text": text, "object": Raw(data) if match_json and is_json(data) else None}
