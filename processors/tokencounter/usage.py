"""What the token counter answers to a message of gl: the refusal of a request, or the counts in a response.

A message is a request if it has the field `ingress_payload`, otherwise a response. Nothing here knows of a bus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gecholog import rawjson
from gecholog.errors import NotJson
from processors.tokencounter import gjson
from processors.tokencounter.counters import Counters

DEFAULT = "default"  # the patterns of routers that have none of their own

_NOTHING = b""
_REFUSAL = "Consumption Cap Exceeded. Try again later"
_MOST = 2**63 - 1  # what fits the integers of the systems that read records


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where in a message the number is that goes by the name `field`."""

    field: str
    path: gjson.Path


Patterns = Mapping[str, tuple[Pattern, ...]]
"""Router path, or `default` → the patterns of its answers."""


def answer(message: bytes, patterns: Patterns, counters: Counters, now: float) -> bytes:
    """The answer to one message; adds to `counters` what it counts.

    Sent back as it came: what has no `gl_path`, a request within its caps, a response without patterns. What is not a
    JSON object is answered with nothing.
    """
    fields = _fields(message)
    if fields is None:
        return _NOTHING
    if "gl_path" not in fields:
        return message
    path = fields["gl_path"]
    router = path if isinstance(path, str) else ""
    if "ingress_payload" in fields:
        return _refusal(router) if counters.exhausted(router, now) else message
    chosen = patterns.get(router) or patterns.get(DEFAULT)
    if chosen is None:
        return message
    counts = counted(fields, chosen)
    counters.add(router, counts, now)
    return orjson.dumps({"token_count": counts})


def _fields(message: bytes) -> dict[str, Any] | None:
    """The fields of a message (none in a null, as the original reads it); None if it is not a JSON object."""
    try:
        value = rawjson.loads(message)
    except NotJson:
        return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def counted(fields: dict[str, Any], patterns: tuple[Pattern, ...]) -> dict[str, int]:
    """The numbers that the patterns find, by field. What is not a number of tokens is left out."""
    found = ((pattern.field, _number(gjson.get(fields, pattern.path))) for pattern in patterns)
    return {field: number for field, number in found if number is not None}


def _number(value: Any) -> int | None:
    """A number of tokens: zero or more, fractions cut off, at most a signed 64-bit integer; else None.

    Texts, truth values and null are none. Nor are negative numbers (some targets say -1 for "not known"), which would
    lower what was used.
    """
    if type(value) not in (int, float) or not 0 <= value <= _MOST:
        return None
    return min(int(value), _MOST)


def _refusal(router: str) -> bytes:
    return orjson.dumps({"control": {"Error": _REFUSAL, "Path": router}})
