"""What the token counter answers to a message of gl: the refusal of a request, or the counts in a response.

A message is a request if it has the field `ingress_payload` or `ingress_method`, otherwise a response. Nothing here
knows of a bus or a clock: times are milliseconds since 1970.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gecholog import gjson
from processors.tokencounter.counters import Counters
from processors.tokencounter.shape import Shape
from processors.tokencounter.uncounted import Uncounted

DEFAULT = "default"  # the patterns of routers that have none of their own

_NOTHING = b""
_STATUS, _TRANSACTION = ("inbound_status_code",), ("transaction_id",)
_FAILURE = ("inbound_payload", "error")
_OK, _REDIRECT, _UNAVAILABLE = 200, 300, 503
_REFUSAL = "Consumption Cap Exceeded. Try again later"
# OpenAI's shape of an error, which SDKs read: https://platform.openai.com/docs/guides/error-codes
_ERROR = {"message": _REFUSAL, "type": "tokens", "code": "rate_limit_exceeded"}
_MOST = 2**63 - 1  # what fits the integers of the systems that read records


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where in a message the number is that goes by the name `field`: at one path, or the sum of several.

    Of several, those count that are there.
    """

    field: str
    paths: tuple[gjson.Path, ...]


Patterns = Mapping[str, tuple[Pattern, ...]]
"""Router path, or `default` → the patterns of its answers. Of one field the first counts that finds a number."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a request over the cap is refused. With status 200, as the original, `control` says it alone.

    Else the body is an error that client libraries of LLM APIs know as well, and the caller is told when to come back,
    and with `no_retry`, by `x-should-retry: false`, that a library should not wait for that and call again by itself.
    """

    status: int = 200
    no_retry: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """What is to be said to messages. `closed` are routers whose cap cannot hold, and the entry that is wrong."""

    patterns: Patterns
    refusal: Refusal = field(default=Refusal())
    closed: Mapping[str, str] = field(default_factory=dict)
    shape: Shape = field(init=False)

    def __post_init__(self) -> None:
        paths = [path for patterns in self.patterns.values() for pattern in patterns for path in pattern.paths]
        object.__setattr__(self, "shape", Shape([*paths, _STATUS, _TRANSACTION, _FAILURE]))


def answer(message: bytes, rules: Rules, counters: Counters, uncounted: Uncounted, now: int) -> bytes:
    """The answer to one message; adds to `counters` what it counts, and tells `uncounted` what it should and cannot.

    Sent back as it came: what has no `gl_path`, a request within its caps, a response without patterns. What is not a
    JSON object is answered with nothing.
    """
    shape = rules.shape
    found = shape.read(message)
    if found is None:
        return _NOTHING
    path = shape.router(found)
    if path is gjson.MISSING:
        return message
    router = path if isinstance(path, str) else ""
    if shape.is_request(found):
        if (entry := rules.closed.get(router)) is not None:
            return closed(router, entry, rules.refusal)
        return refused(router, rules.refusal, counters, now) if counters.exhausted(router, now) else message
    chosen = rules.patterns.get(router) or rules.patterns.get(DEFAULT)
    counts = {} if chosen is None else counted(found, shape, chosen)
    counters.add(router, counts, now)
    for name in counters.capped(router):
        if name not in counts and _succeeded(found, shape):
            transaction_id = shape.get(found, _TRANSACTION)
            uncounted.saw(router, name, transaction_id if isinstance(transaction_id, str) else "")
    return message if chosen is None else orjson.dumps({"token_count": counts})


def _succeeded(found: Any, shape: Shape) -> bool:
    """Whether an answer was to be counted: its status is 2xx, or unknown, and it is no error."""
    status = shape.get(found, _STATUS)
    if isinstance(status, int):
        return _OK <= status < _REDIRECT
    return shape.get(found, _FAILURE) in (None, gjson.MISSING)


def counted(found: Any, shape: Shape, patterns: tuple[Pattern, ...]) -> dict[str, int]:
    """The numbers that the patterns find, by field. What is not a number of tokens is left out."""
    counts: dict[str, int] = {}
    for pattern in patterns:
        if pattern.field not in counts:
            numbers = [number for path in pattern.paths if (number := _number(shape.get(found, path))) is not None]
            if numbers:
                counts[pattern.field] = min(sum(numbers), _MOST)
    return counts


def _number(value: Any) -> int | None:
    """A number of tokens: zero or more, fractions cut off, at most a signed 64-bit integer; else None.

    Texts, truth values and null are none. Nor are negative numbers (some targets say -1 for "not known"), which would
    lower what was used.
    """
    if type(value) not in (int, float) or not 0 <= value <= _MOST:
        return None
    return min(int(value), _MOST)


def closed(router: str, entry: str, refusal: Refusal) -> bytes:
    """The refusal of a request of a router whose cap cannot hold, for `entry` of the config is wrong."""
    words = f"The token cap of this router is invalid, see {entry} in the config of the token counter"
    error = {"message": words, "type": "server_error", "code": "token_cap_not_valid"}
    headers = {"control_headers": {"x-should-retry": ["false"]}} if refusal.no_retry else {}
    control = {"Error": words, "Path": router, "error": error}
    return orjson.dumps({"control": control, "control_status_code": _UNAVAILABLE} | headers)


def refused(router: str, refusal: Refusal, counters: Counters, now: int) -> bytes:
    """The refusal of a request of a router that has reached a cap."""
    control: dict[str, Any] = {"Error": _REFUSAL, "Path": router}
    fields: dict[str, Any] = {"control": control}
    if refusal.status != _OK:
        control["error"] = _ERROR
        wait = math.ceil((counters.free_at(router, now) - now) / 1000)
        fields["control_status_code"] = refusal.status
        fields["control_headers"] = {"Retry-After": [str(max(1, wait))]}
        if refusal.no_retry:
            fields["control_headers"]["x-should-retry"] = ["false"]
    return orjson.dumps(fields)
