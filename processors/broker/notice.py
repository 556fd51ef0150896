"""Notices: what replicas tell each other about a target, as JSON under the target's path in a key-value bucket.

    {"state": "out", "until": "2026-01-31T12:10:00.000000000Z", "at": "2026-01-31T12:00:00.000000000Z",
     "reason": "status 503", "by": "5d41402abc4b2a76"}

`nats kv get gecholog_broker /azure/gpt4/` shows it to people, who may also put one there: only `state` is needed.
Between replicas times are wall-clock times, inside each they are of its steady clock. `at` is when it was written, by
the clock of who wrote it: of a notice that comes at that moment only the difference counts, so clocks may differ. One
that is read later (at the start) needs clocks that agree.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.timer import Timestamp, rfc3339
from processors.broker.health import Health, State

_IN = "in"
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Notice:
    """How a target is (None: in), and which replica says so."""

    health: Health | None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds: how long it takes if a notice does not say, and how long at most."""

    usual: float
    longest: float


def seconds(moment: Timestamp) -> float:
    """A moment in the seconds in which healths are reckoned."""
    return moment.monotonic_ns / _NANOSECONDS


def encode(notice: Notice, now: Timestamp) -> bytes:
    """The bytes of a notice."""
    health = notice.health
    if health is None:
        return rawjson.dumps({"state": _IN, "by": notice.by})
    until = now.wall_ns + round((health.until - seconds(now)) * _NANOSECONDS)
    times = {"until": rfc3339(until), "at": rfc3339(now.wall_ns)}
    return rawjson.dumps({"state": health.state.value, **times, "reason": health.reason, "by": notice.by})


def decode(data: bytes, now: Timestamp, bounds: Bounds, *, is_fresh: bool = False) -> Notice | None:
    """The notice that these bytes are; None if they are none. `is_fresh`: it was written just now."""
    fields = _fields(data)
    by = _text(fields, "by")
    if fields.get("state") == _IN:
        return Notice(None, by)
    with suppress(ValueError):
        state = State(_text(fields, "state"))
        left = _left(fields, now.wall_ns / _NANOSECONDS, is_fresh=is_fresh)
        left = bounds.usual if left is None else min(max(left, 0.0), bounds.longest)
        return Notice(Health(state, seconds(now) + left, _text(fields, "reason")), by)
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
    """Seconds that are left of a notice, at our own `wall`; None if it does not say.

    It cannot be more than there were when it was written, and of a fresh one it is as much.
    """
    until, at = _time(fields.get("until")), _time(fields.get("at"))
    if until is None or at is None:
        return None if until is None else until - wall
    return until - (at if is_fresh else max(at, wall))


def _time(text: Any) -> float | None:
    """Seconds since 1970 of a time (RFC 3339); None if it is none."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
