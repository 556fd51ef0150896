"""Names with `*` for any characters. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def is_glob(pattern: str) -> bool:
    """Tell whether a name has a wildcard."""
    return "*" in pattern


def matches(pattern: str, name: str) -> bool:
    """Tell whether `pattern` matches `name`. Case-sensitive; `*` matches `/` as well."""
    if pattern in {name, "*"}:
        return True
    first, *middle = pattern.split("*")
    if not middle or not name.startswith(first):
        return False
    last, at = middle.pop(), len(first)
    for part in middle:  # each as early as it comes: a later place leaves no more for those behind it
        at = name.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return len(name) - at >= len(last) and name.endswith(last)


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """Tell whether one of `patterns` matches `name`."""
    return any(matches(pattern, name) for pattern in patterns)


def most_specific(patterns: Iterable[str], name: str) -> str | None:
    """The matching pattern with the most literal characters (the first of equals); None if none matches."""
    return max((one for one in patterns if matches(one, name)), key=lambda one: len(one.replace("*", "")), default=None)
