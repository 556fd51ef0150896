"""Requests that are refused and leave no record, so the log tells of them, but not of each.

They reach no router, or lack the headers that their router asks for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gecholog.headers import MASK

EVERY_S = 60.0
"""Seconds between two log lines about one path."""

OTHERS = "others"
_MOST_PATHS = 50  # that are told apart at once: what clients send must fill neither memory nor log
_LONGEST = 200  # characters of a path
# What stands in a path may be a key that was put into the wrong place. Words in lower case are none, nor are a date or
# a version among them.
_WORD = re.compile(r"[a-z0-9._:-]{0,32}")
_MOST_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """What to log: so many requests for a path got this status."""

    path: str
    status: int
    requests: int


def shown(path: str) -> str:
    """A path as the log may show it: parts that could be a key are masked, and what is very long is cut."""
    parts = path[:_LONGEST].split("/")
    return "/".join(part if _is_word(part) else MASK for part in parts)


def _is_word(part: str) -> bool:
    return _WORD.fullmatch(part) is not None and sum(map(str.isdigit, part)) <= _MOST_DIGITS


class Unrecorded:
    """Counts requests by path and status. Pure: times come in, lines to log go out."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], int] = {}

    def saw(self, path: str, status: int) -> Line | None:
        """A request came; the line to log if it is the first one for its path. The rest is told by `flush`."""
        key = (shown(path), status)
        if key not in self._counts and len(self._counts) >= _MOST_PATHS:
            key = (OTHERS, status)
        if key in self._counts:
            self._counts[key] += 1
            return None
        self._counts[key] = 0
        return Line(*key, 1)

    def flush(self) -> list[Line]:
        """The lines of what has come since the last flush and was not told yet. Call it every `EVERY_S`.

        Paths of which nothing came since then are forgotten.
        """
        lines = [Line(*key, count) for key, count in self._counts.items() if count]
        self._counts = {(line.path, line.status): 0 for line in lines}
        return lines

    @property
    def is_empty(self) -> bool:
        """There is nothing to flush."""
        return not self._counts
