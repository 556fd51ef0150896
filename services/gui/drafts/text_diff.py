"""The difference of two texts, line by line, as rows for a page. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

_CONTEXT = 3  # lines before and after a change


@dataclass(frozen=True, slots=True)
class DiffRow:
    """A line. `kind` is `same`, `removed`, `added` or `gap`, which stands for lines that are not shown.

    `old` and `new` are the numbers of the line, counted from 1; None where the text has no such line.
    """

    kind: str
    text: str
    old: int | None = None
    new: int | None = None


def diff(old: str, new: str) -> list[DiffRow]:
    """The rows of a diff; empty if the texts are equal."""
    before, after = old.splitlines(), new.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    groups = [group for group in matcher.get_grouped_opcodes(_CONTEXT) if any(code[0] != "equal" for code in group)]
    rows: list[DiffRow] = []
    for group in groups:
        if group[0][1] or group[0][3]:
            rows.append(DiffRow("gap", "⋯"))
        for tag, first, last, new_first, new_last in group:
            rows += _rows(tag, (before, first, last), (after, new_first, new_last))
    if not rows and old != new:
        rows.append(DiffRow("gap", "only line breaks differ"))
    return rows


def _rows(tag: str, old: tuple[list[str], int, int], new: tuple[list[str], int, int]) -> Iterator[DiffRow]:
    lines, first, last = old
    if tag == "equal":
        for index in range(first, last):
            yield DiffRow("same", lines[index], index + 1, new[1] + index - first + 1)
        return
    for index in range(first, last):
        yield DiffRow("removed", lines[index], index + 1, None)
    for index in range(new[1], new[2]):
        yield DiffRow("added", new[0][index], None, index + 1)


def count(rows: list[DiffRow]) -> tuple[int, int]:
    """How many lines were added and removed."""
    return sum(row.kind == "added" for row in rows), sum(row.kind == "removed" for row in rows)
