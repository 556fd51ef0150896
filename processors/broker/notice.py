"""Notices: what replicas tell each other about a target, as JSON under the target's path in a key-value bucket.

    {"state": "out", "until": "2026-01-31T12:10:00.000000000Z", "reason": "status 503", "by": "5d41402abc4b2a76"}

`nats kv get gecholog_broker /azure/gpt4/` shows it to people, who may also put one there: only `state` is needed.
Between replicas times are wall-clock times, inside each they are of its steady clock.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.timer import Moment, rfc3339
from processors.broker.health import Health, State

_IN = "in"
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Notice:
    """How a target is (None: in), and which replica says so."""

    health: Health | None
    by: str = ""


def seconds(moment: Moment) -> float:
    """A moment in the seconds in which healths are reckoned."""
    return moment.tick / _NANOSECONDS


def encode(notice: Notice, now: Moment) -> bytes:
    """The bytes of a notice."""
    health = notice.health
    if health is None:
        return rawjson.dumps({"state": _IN, "by": notice.by})
    until = now.wall + round((health.until - seconds(now)) * _NANOSECONDS)
    fields = {"state": health.state.value, "until": rfc3339(until), "reason": health.reason, "by": notice.by}
    return rawjson.dumps(fields)


def decode(data: bytes, now: Moment, usual: float, longest: float) -> Notice | None:
    """The notice that these bytes are; None if they are none.

    A time that is missing is in `usual` seconds; none is farther away than `longest` seconds, for clocks may differ.
    """
    fields = _fields(data)
    by, reason = str(fields.get("by", "")), str(fields.get("reason", ""))
    if fields.get("state") == _IN:
        return Notice(None, by)
    with suppress(ValueError):
        state = State(str(fields.get("state")))
        left = _left(fields.get("until"), now)
        left = usual if left is None else min(max(left, 0.0), longest)
        return Notice(Health(state, seconds(now) + left, reason), by)
    return None


def _fields(data: bytes) -> dict[str, Any]:
    try:
        value = rawjson.loads(data)
    except NotJson:
        return {}
    return value if isinstance(value, dict) else {}


def _left(until: Any, now: Moment) -> float | None:
    """Seconds until a time of the wall clock (RFC 3339); None if it is none."""
    try:
        time = datetime.fromisoformat(until)
    except (TypeError, ValueError):
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() - now.wall / _NANOSECONDS
