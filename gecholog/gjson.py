r"""Paths into JSON values: the part of GJSON path syntax that picks one value. Pure functions.

A path is a sequence of steps separated by dots: `inbound_payload.usage.total_tokens`. Each step descends one level:

- a name: the member of an object
- digits: the item of an array, counted from 0 (in an object: the member of that name)
- `#` as the last step: the length of an array
- `#` before other steps: the rest of the path for each item of an array, as a list (`data.#.n`)
- a backslash makes the next character literal: `in\.out` is the name `in.out`

The syntax is that of https://github.com/tidwall/gjson/blob/master/SYNTAX.md. Wildcards (`*`, `?`), pipes (`|`), queries
(`#(…)`), modifiers (`@…`), literals (`!…`), multipaths (`[…`, `{…`) and JSON lines (`..`) are refused, not guessed at.
A name that begins with one of these signs is written with a backslash.
"""

from __future__ import annotations

import re
from typing import Any, Final

Path = tuple[str, ...]

EACH: Final = "#"
MISSING: Final = object()

_SIGNS = re.compile(r"\\.|[*?|]", re.DOTALL)
_STEP = re.compile(r"(?:\\.|[^.\\])*", re.DOTALL)
_LONGEST_INDEX = 19  # digits
_OPENINGS = ("@", "!", "[", "{", "#(", "#[")


def parse(text: str) -> Path:
    """The steps of a path. Raises ValueError, with a sentence for people, if it is empty or uses unsupported syntax."""
    if not text:
        raise ValueError("must not be empty")
    if text.startswith(".."):
        raise ValueError("must not begin with two dots (JSON lines are not supported)")
    if any(not found.startswith("\\") for found in _SIGNS.findall(text)):
        raise ValueError("must not hold *, ? or | without a backslash (wildcards and pipes are not supported)")
    return tuple(_name(step) for step in _steps(text))


def _steps(text: str) -> list[str]:
    """Split at dots that are not escaped by a backslash."""
    steps, at = [], 0
    while True:
        step = _STEP.match(text, at)
        end = step.end() if step else at
        steps.append(text[at:end])
        if end == len(text):
            return steps
        if text[end] != ".":
            raise ValueError("must not end with a backslash")
        at = end + 1


def _name(step: str) -> str:
    if step.startswith(_OPENINGS):
        raise ValueError(
            "must not have a step that begins with @ ! [ { or #( (modifiers and queries are not supported)"
        )
    return re.sub(r"\\(.)", r"\1", step, flags=re.DOTALL)


def get(value: Any, path: Path) -> Any:
    """The value at `path` in a decoded JSON value; MISSING if there is none."""
    for depth, step in enumerate(path):
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list):
            if step == EACH:
                return _each(value, path[depth + 1 :])
            value = _item(value, step)
        else:
            return MISSING
    return value


def _each(items: list[Any], rest: Path) -> Any:
    if not rest:
        return len(items)
    found = (get(item, rest) for item in items)
    return [value for value in found if value is not MISSING]


def _item(items: list[Any], step: str) -> Any:
    """The item with the index `step`. int() refuses thousands of digits."""
    if len(step) > _LONGEST_INDEX or not (step.isascii() and step.isdigit()):
        return MISSING
    index = int(step)
    return items[index] if index < len(items) else MISSING
