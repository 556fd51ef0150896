"""Health updates: what replicas publish about a target, as JSON under the target's path in a key-value bucket.

    {"state": "out", "until": "2026-01-31T12:10:00.000000000Z", "at": "2026-01-31T12:00:00.000000000Z",
     "reason": "status 503", "by": "5d41402abc4b2a76"}

`nats kv get gecholog_broker /azure/gpt4/` shows one. Operators may also write one, and only `state` is required.
Replicas exchange wall-clock times, and use monotonic times internally. `at` is the time of writing by the writer's
clock. When an update arrives right after it was written, only the difference counts, so the clocks may differ. An
update that is read later, for example at start, requires clocks that are in sync.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.timer import Timestamp, rfc3339
from processors.broker.health import BreakerState, Health

_CLOSED = "in"
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class HealthUpdate:
    """The health of a target (None: circuit breaker closed), and the replica that published it."""

    health: Health | None
    by: str = ""


@dataclass(frozen=True, slots=True)
class DurationBounds:
    """The duration in seconds if an update contains none, and the longest one that is accepted."""

    default: float
    maximum: float


def monotonic_s(timestamp: Timestamp) -> float:
    """Return the monotonic time of a timestamp in seconds."""
    return timestamp.monotonic_ns / _NANOSECONDS


def encode(update: HealthUpdate, now: Timestamp) -> bytes:
    """Encode an update as JSON."""
    health = update.health
    if health is None:
        return rawjson.dumps({"state": _CLOSED, "by": update.by})
    until_ns = now.wall_ns + round((health.half_open_at - monotonic_s(now)) * _NANOSECONDS)
    times = {"until": rfc3339(until_ns), "at": rfc3339(now.wall_ns)}
    return rawjson.dumps({"state": health.state.value, **times, "reason": health.reason, "by": update.by})


def decode(data: bytes, now: Timestamp, bounds: DurationBounds, *, is_fresh: bool = False) -> HealthUpdate | None:
    """Decode an update. None if it is invalid. `is_fresh` says that it was written just now."""
    fields = _fields(data)
    by = _text(fields, "by")
    if fields.get("state") == _CLOSED:
        return HealthUpdate(None, by)
    with suppress(ValueError):
        state = BreakerState(_text(fields, "state"))
        left = _left(fields, now.wall_ns / _NANOSECONDS, is_fresh=is_fresh)
        left = bounds.default if left is None else min(max(left, 0.0), bounds.maximum)
        return HealthUpdate(Health(state, monotonic_s(now) + left, _text(fields, "reason")), by)
    return None


def _fields(data: bytes) -> dict[str, Any]:
    try:
        value = rawjson.loads(data)
    except NotJson:
        return {}
    return value if isinstance(value, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _left(fields: dict[str, Any], wall: float, *, is_fresh: bool) -> float | None:
    """Return the seconds that are left of an update, or None if it contains no time.

    That is never more than when it was written, and exactly as much if it is fresh. `wall` is our time since 1970.
    """
    until, at = _time(fields.get("until")), _time(fields.get("at"))
    if until is None or at is None:
        return None if until is None else until - wall
    return until - (at if is_fresh else max(at, wall))


def _time(text: Any) -> float | None:
    """Return the seconds since 1970 of an RFC 3339 time. None if it is invalid."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
