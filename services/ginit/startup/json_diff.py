"""The differences between two JSON values, field by field. Pure.

A field is named by its path, as in `fields`. Entries of a list are compared by what identifies them. So neither the
layout of a file, nor the order of its fields, nor an entry in between makes a difference.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

from services.ginit.printable import printable
from services.ginit.startup.fields import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_WIDTH = 100  # characters; a value that does not fit into a line is shown over several


class Missing(Enum):
    """The value of a field that does not exist."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Difference:
    """A field whose values differ. One of them may be MISSING."""

    path: str
    before: Any | Literal[Missing.MISSING]
    after: Any | Literal[Missing.MISSING]

    def lines(self) -> Iterator[str]:
        """The lines to print: `- path: value` and `+ path: value`."""
        for sign, value in (("-", self.before), ("+", self.after)):
            if value is not MISSING:
                yield from (f"{sign} {line}" for line in _shown(printable(self.path) or "the whole file", value))


def _shown(path: str, value: Any) -> list[str]:
    line = f"{path}: {json.dumps(value)}"
    return [line] if len(line) <= _WIDTH else f"{path}: {json.dumps(value, indent=2)}".splitlines()


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """The differences, in the order of `before`; at each level, what only `after` has comes last."""
    if _is_same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_members(before, after, lambda name: f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    else:
        yield Difference(path, before, after)


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON but for the order of fields. In Python, true would be 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _of_members(
    before: Mapping[str, Any], after: Mapping[str, Any], path_of: Callable[[str], str]
) -> Iterator[Difference]:
    for name in (*before, *(name for name in after if name not in before)):
        if name in before and name in after:
            yield from differences(before[name], after[name], path_of(name))
        else:
            yield Difference(path_of(name), before.get(name, MISSING), after.get(name, MISSING))


def _of_lists(before: list[Any], after: list[Any], path: str) -> Iterator[Difference]:
    """Entries by what identifies them, rows by their number, plain values by themselves; else the lists as a whole."""
    named, other_named = _by_identity(before), _by_identity(after)
    if named is not None and other_named is not None:
        yield from _of_members(named, other_named, lambda name: f"{path}[{name}]")
        yield from _of_order(list(named), list(other_named), path)
    elif len(before) == len(after) and all(isinstance(row, list) for row in (*before, *after)):
        for number, (row, other_row) in enumerate(zip(before, after, strict=True)):
            yield from differences(row, other_row, f"{path}[{number}]")
    elif _are_plain(before) and _are_plain(after) and {*before} != {*after}:
        yield from (Difference(f"{path}[]", value, MISSING) for value in before if value not in after)
        yield from (Difference(f"{path}[]", MISSING, value) for value in after if value not in before)
    else:
        yield Difference(path, before, after)


def _of_order(before: list[str], after: list[str], path: str) -> Iterator[Difference]:
    """Entries that both lists have, in another order."""
    kept, other_kept = [name for name in before if name in after], [name for name in after if name in before]
    if kept != other_kept:
        yield Difference(f"{path} (order)", kept, other_kept)


def _by_identity(entries: list[Any]) -> dict[str, Any] | None:
    """The entries by what identifies each; None if that does not tell them apart."""
    named = {name: entry for entry in entries if (name := identity(entry)) is not None}
    return named if len(named) == len(entries) else None


def _are_plain(values: list[Any]) -> bool:
    """Whether these are strings that differ."""
    return all(isinstance(value, str) for value in values) and len({*values}) == len(values)
