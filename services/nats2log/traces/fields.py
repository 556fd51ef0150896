"""Reads values of a record, in which processors may have put anything, and filters may have left out anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

Fields = Mapping[str, Any]

_NANOSECONDS = 1_000_000_000
_SECONDS = len("2026-11-30T09:28:20")


class Interval(NamedTuple):
    """From when to when, in nanoseconds since 1970."""

    start: int
    stop: int


def fields(value: Any) -> Fields:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> Iterator[Fields]:
    """The objects in a list; nothing if it is no list."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def text(value: Any) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def integer(value: Any) -> int | None:
    """The value if it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: Any) -> float | None:
    """The value if it is a number, or a text of a decimal number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def header(headers: Any, name: str) -> str:
    """The first value of a header; empty if there is none."""
    values = fields(headers).get(name)
    return text(values[0]) if isinstance(values, list) and values else ""


def interval(timer: Any) -> Interval | None:
    """A timer of the record; None if it is none."""
    start, stop = (_nanoseconds(text(fields(timer).get(name))) for name in ("start", "stop"))
    return None if start is None or stop is None else Interval(start, max(start, stop))


def _nanoseconds(time: str) -> int | None:
    """Nanoseconds since 1970 of `2026-11-30T09:28:20.162234774Z`; datetime has only six of the nine digits."""
    try:
        second = datetime.fromisoformat(time[:_SECONDS]).replace(tzinfo=UTC)
        fraction = time[_SECONDS:].removesuffix("Z").removeprefix(".")
        return int(second.timestamp()) * _NANOSECONDS + int(fraction.ljust(9, "0")[:9])
    except ValueError:
        return None
