"""Reports the problems of a config file by the paths and lines that its owner sees, without the values in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from gecholog import environment
from gecholog.errors import Problem
from gecholog.positions import line_of, locate, pointer
from gecholog.shorten import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gecholog.environment import Filled, Reference
    from gecholog.positions import Path

_SHORTEST_HIDDEN = 4  # characters: shorter values are in words of the messages themselves
_LONGEST_RULE = 1000  # characters


class Reporter:
    """Turns violations into problems that name path, line, and the variables that a value came from."""

    def __init__(self, filled: Filled) -> None:
        self._text = filled.text
        self._references = filled.references
        self._spans = locate(filled.text)
        self._hidden = _spellings(filled.references)
        values = sorted(self._hidden, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, values)), re.IGNORECASE) if values else None

    def problem(self, path: Path, rule: str, consequence: str = "") -> Problem:
        """The problem at a path."""
        found = self._within(path)
        origins = [f"{environment.origin(ref.name)}{_state(ref)}" for ref in found]
        unset = tuple(dict.fromkeys(ref.name for ref in found if not ref.is_set))
        origin = f" (the value comes from {_joined(origins)})" if origins else ""
        line = line_of(self._text, self._span(path)[0])
        steps = self._steps(path)
        shown = shorten(self.without_values(rule), _LONGEST_RULE)
        return Problem(dotted(steps), shown + origin, line, self.without_values(consequence), unset, pointer(steps))

    def without_values(self, text: str) -> str:
        """A text with `${NAME}` in place of values from the environment, which may be secrets.

        It must not be shortened before: a part of a value would not be found.
        """
        if self._values is None:
            return text
        return self._values.sub(lambda match: f"${{{self._hidden.get(match[0].lower(), '…')}}}", text)

    def is_unset(self, path: Path) -> bool:
        """Tell whether a string contains a variable that is not set, or ends in a space because a variable is empty.

        `Bearer ${KEY}` with an empty KEY is not a credential.
        """
        references = self._within(path)
        text = self._text[slice(*self._spans.get(path, (0, 0)))][1:-1]
        return any(not ref.is_set or (ref.is_empty and text != text.strip()) for ref in references)

    def is_absent(self, path: Path) -> bool:
        """Tell whether a string contains a variable that is not set or empty."""
        return any(ref.is_empty for ref in self._within(path))

    def shown(self, path: Path) -> str:
        """A path as messages show it."""
        return dotted(self._steps(path))

    def shown_value(self, path: Path, text: str) -> str:
        """A string, or the variables that it comes from, because their values may be secrets."""
        return "".join(f"${{{ref.name}}}" for ref in self._within(path)) or text

    def _steps(self, path: Path) -> Path:
        return tuple(self._step(path[: depth + 1]) for depth in range(len(path)))

    def _step(self, path: Path) -> str | int:
        """The last step of a path; for a name from the environment its variables, because it may be a secret."""
        if not self._references or path not in self._spans or isinstance(path[-1], int):
            return path[-1]
        begin, value = self._spans[path[:-1]][0], self._spans[path][0]
        begin = max((end for start, end in self._spans.values() if begin < start and end <= value), default=begin)
        return "".join(f"${{{ref.name}}}" for ref in self._references if begin < ref.offset < value) or path[-1]

    def _span(self, path: Path) -> tuple[int, int]:
        """The position of a path; for a missing field, that of the object it should be in."""
        while path not in self._spans:
            path = path[:-1]
        return self._spans[path]

    def _within(self, path: Path) -> list[Reference]:
        """The variables that a string or number comes from."""
        start, end = self._spans.get(path, (0, 0))
        is_value = start < end and self._text[start] not in "[{"
        return [ref for ref in self._references if is_value and start <= ref.offset <= end]


def _spellings(references: Iterable[Reference]) -> dict[str, str]:
    """What the values look like in messages, in small letters, and the variables that they come from."""
    found: dict[str, str] = {}
    for ref in references:
        for text in (ref.value, ref.value.strip(), json.dumps(ref.value)[1:-1], repr(ref.value)[1:-1]):
            if len(text) >= _SHORTEST_HIDDEN:
                found.setdefault(text.lower(), ref.name)
    return found


def _joined(origins: list[str]) -> str:
    """Several origins in a sentence, which says once that they are environment variables."""
    return " and ".join([origins[0], *(text.removeprefix("the environment variable ") for text in origins[1:])])


def _state(reference: Reference) -> str:
    if not reference.is_set:
        return f", which {environment.unset(reference.name)}"
    return ", which is empty" if reference.is_empty else ""


def dotted(path: Path) -> str:
    """`("routers", 2, "path")` → `routers[2].path`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
