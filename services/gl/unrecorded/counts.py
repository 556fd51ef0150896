"""Counts requests that are refused without a record, so that the log mentions them without a line for each.

No router matches their path, or they lack the headers that their router requires.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gecholog.headers import MASK

EVERY_S = 60.0
"""Seconds between two log lines about one path."""

OTHERS = "others"
_MOST_PATHS = 50  # counted separately: clients must be able to fill neither memory nor log
_LONGEST = 200  # characters of a path
# A segment of a path may be a key that was put into the wrong place. Lower-case words, dates and versions are not keys.
_WORD = re.compile(r"[a-z0-9._:-]{0,32}")
_MOST_DIGITS = 8


@dataclass(frozen=True, slots=True)
class UnrecordedCount:
    """The number of requests for a path that got this status since they were last logged."""

    path: str
    status: int
    requests: int


def shown(path: str) -> str:
    """A path for the log: segments that could be a key are masked, and a very long path is cut."""
    parts = path[:_LONGEST].split("/")
    return "/".join(part if _is_word(part) else MASK for part in parts)


def _is_word(part: str) -> bool:
    return _WORD.fullmatch(part) is not None and sum(map(str.isdigit, part)) <= _MOST_DIGITS


class Unrecorded:
    """Counts requests by path and status. Pure: the caller owns the timer and the log."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], int] = {}

    def observe(self, path: str, status: int) -> UnrecordedCount | None:
        """Count a request. Returns what to log if it is the first one of its kind; `flush` returns the others."""
        key = (shown(path), status)
        if key not in self._counts and len(self._counts) >= _MOST_PATHS:
            key = (OTHERS, status)
        if key in self._counts:
            self._counts[key] += 1
            return None
        self._counts[key] = 0
        return UnrecordedCount(*key, 1)

    def flush(self) -> list[UnrecordedCount]:
        """Return the counts that have not been logged. Call it every `EVERY_S` seconds.

        Paths without a request since the last flush are dropped.
        """
        counts = [UnrecordedCount(*key, count) for key, count in self._counts.items() if count]
        self._counts = {(one.path, one.status): 0 for one in counts}
        return counts

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to flush."""
        return not self._counts
