"""Answers a message of gl: refuses a request over the cap, or counts the tokens of a response.

A message is a request if it has the field `ingress_payload` or `ingress_method`, otherwise a response. No I/O: the
caller passes the time in milliseconds since 1970.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gecholog import gjson
from processors.tokencounter.counters import Counters
from processors.tokencounter.message_reader import MessageReader
from processors.tokencounter.missing_usage import MissingUsage

DEFAULT = "default"  # patterns for routers without their own

_NOTHING = b""
_STATUS, _TRANSACTION = ("inbound_status_code",), ("transaction_id",)
_FAILURE = ("inbound_payload", "error")
_OK, _REDIRECT, _UNAVAILABLE = 200, 300, 503
_REFUSAL = "Consumption Cap Exceeded. Try again later"
# In OpenAI's error format, which SDKs display: https://platform.openai.com/docs/guides/error-codes
_ERROR = {"message": _REFUSAL, "type": "tokens", "code": "rate_limit_exceeded"}
_MAX_COUNT = 2**63 - 1  # the largest integer that readers of records support


@dataclass(frozen=True, slots=True)
class UsagePattern:
    """Where to find the count `field` in a message: at one path, or as the sum of several.

    Missing paths of a sum are skipped.
    """

    field: str
    paths: tuple[gjson.Path, ...]


UsagePatterns = Mapping[str, tuple[UsagePattern, ...]]
"""Maps a router path, or `default`, to its patterns. For each field, the first pattern that finds a number counts."""


@dataclass(frozen=True, slots=True)
class CapRefusal:
    """How a request over the cap is refused.

    With status 200, only `control` is written, as in the original. With any other status, the body also contains an
    error in OpenAI's format, and `Retry-After` is sent. With `no_retry`, `x-should-retry: false` tells client libraries
    not to retry automatically.
    """

    status: int = 200
    no_retry: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for messages. `closed` maps routers with an invalid cap to the config entry."""

    patterns: UsagePatterns
    refusal: CapRefusal = field(default=CapRefusal())
    closed: Mapping[str, str] = field(default_factory=dict)
    reader: MessageReader = field(init=False)

    def __post_init__(self) -> None:
        paths = [path for patterns in self.patterns.values() for pattern in patterns for path in pattern.paths]
        object.__setattr__(self, "reader", MessageReader([*paths, _STATUS, _TRANSACTION, _FAILURE]))


def answer(message: bytes, rules: Rules, counters: Counters, missing_usage: MissingUsage, now: int) -> bytes:
    """Return the reply to a message. Adds counts to `counters`, and reports missing ones to `missing_usage`.

    The message itself is the reply if it has no `gl_path`, is a request within its caps, or is a response without
    patterns. The reply is empty if the message is not a JSON object.
    """
    reader = rules.reader
    found = reader.read(message)
    if found is None:
        return _NOTHING
    path = reader.router(found)
    if path is gjson.MISSING:
        return message
    router = path if isinstance(path, str) else ""
    if reader.is_request(found):
        if (entry := rules.closed.get(router)) is not None:
            return closed(router, entry, rules.refusal)
        return refused(router, rules.refusal, counters, now) if counters.exhausted(router, now) else message
    chosen = rules.patterns.get(router) or rules.patterns.get(DEFAULT)
    counts = {} if chosen is None else counted(found, reader, chosen)
    counters.add(router, counts, now)
    for name in counters.capped(router):
        if name not in counts and _succeeded(found, reader):
            transaction_id = reader.get(found, _TRANSACTION)
            missing_usage.record(router, name, transaction_id if isinstance(transaction_id, str) else "")
    return message if chosen is None else orjson.dumps({"token_count": counts})


def _succeeded(found: Any, reader: MessageReader) -> bool:
    """Tell whether a response should have a count: its status is 2xx, or unknown without an error."""
    status = reader.get(found, _STATUS)
    if isinstance(status, int):
        return _OK <= status < _REDIRECT
    return reader.get(found, _FAILURE) in (None, gjson.MISSING)


def counted(found: Any, reader: MessageReader, patterns: tuple[UsagePattern, ...]) -> dict[str, int]:
    """Return the counts that the patterns find, by field. Values that are not counts are skipped."""
    counts: dict[str, int] = {}
    for pattern in patterns:
        if pattern.field not in counts:
            numbers = [number for path in pattern.paths if (number := _number(reader.get(found, path))) is not None]
            if numbers:
                counts[pattern.field] = min(sum(numbers), _MAX_COUNT)
    return counts


def _number(value: Any) -> int | None:
    """Return a value as a number of tokens: zero or more, without fractions, within 64 bits. None if it is not one.

    Negative numbers are not counted, because they would lower the usage. Some APIs report -1 for "unknown".
    """
    if type(value) not in (int, float) or not 0 <= value <= _MAX_COUNT:
        return None
    return min(int(value), _MAX_COUNT)


def closed(router: str, entry: str, refusal: CapRefusal) -> bytes:
    """Return the refusal of a request to a router whose cap is invalid because of the config entry `entry`."""
    words = f"The token cap of this router is invalid, see {entry} in the config of the token counter"
    error = {"message": words, "type": "server_error", "code": "token_cap_not_valid"}
    headers = {"control_headers": {"x-should-retry": ["false"]}} if refusal.no_retry else {}
    control = {"Error": words, "Path": router, "error": error}
    return orjson.dumps({"control": control, "control_status_code": _UNAVAILABLE} | headers)


def refused(router: str, refusal: CapRefusal, counters: Counters, now: int) -> bytes:
    """Return the refusal of a request to a router that has reached a cap."""
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
