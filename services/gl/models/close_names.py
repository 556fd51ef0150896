"""Finds names that are similar to an unknown one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

MOST = 5
_NEAR = 0.5  # of 1: how alike two names have to be
_MOST_COMPARED = 1000  # names
_LONGEST = 128  # characters of a name that is compared: comparing takes time by the square of the length


def close_to(name: str, known: Iterable[str], most: int = MOST) -> tuple[str, ...]:
    """Up to `most` of the `known` names that are like `name`, the likest first. Letter case does not count.

    Only the first thousand are looked at.
    """
    if len(name) > _LONGEST:
        return ()
    by_lower: dict[str, str] = {}
    for one in islice(known, _MOST_COMPARED):
        if len(one) <= _LONGEST:
            by_lower.setdefault(one.lower(), one)
    return tuple(by_lower[one] for one in get_close_matches(name.lower(), by_lower, most, _NEAR))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean a, b?`, or nothing if no known name is close."""
    found = close_to(name, known)
    return f"; did you mean {', '.join(found)}?" if found else ""
