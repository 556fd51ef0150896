"""The value of a key in the bucket of circuit breakers: the state of a target as JSON, and the replica that wrote it.

    {"state": "open", "opened": "…Z", "until": "…Z", "at": "…Z", "reason": "…", "by": "…"}
    {"state": "closed", "at": "…Z", "by": "…"}

Times are RFC 3339. `at` is the time of writing by the writer's clock. If an update arrives right after it was written,
only the differences count, and clocks may differ. An update that is read later, at start for example, needs clocks that
are in sync. Either way an open breaker ends: at `until`, and never later than the reader's own rules say. If `until` is
long ago, the breaker is closed. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.timer import rfc3339
from services.gl.resilience.breaker import Breaker, opened

if TYPE_CHECKING:
    from gecholog.timer import Timestamp
    from services.gl.resilience.breaker import BreakerRules

_LONGEST_REASON = 200  # characters
_LARGEST = 4096  # bytes of a value
_FORGOTTEN_AFTER_S = 600.0  # after `until`: no gateway has called the target since, and it needs no probe
_NANOSECONDS = 1_000_000_000
_OPEN, _CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class BreakerUpdate:
    """The state of a target, and the replica that published it."""

    breaker: Breaker
    by: str = ""


def encode(update: BreakerUpdate, now: Timestamp) -> bytes:
    """Encode an update. The times of its breaker are seconds of the monotonic clock."""
    one = update.breaker
    times = {"at": rfc3339(now.wall_ns)}
    if one.opened is None:
        return rawjson.dumps({"state": _CLOSED, **times, "by": update.by})
    times |= {"opened": _wall(one.opened, now), "until": _wall(one.until, now)}
    return rawjson.dumps({"state": _OPEN, **times, "reason": one.reason[:_LONGEST_REASON], "by": update.by})


def decode(data: bytes, now: Timestamp, rules: BreakerRules, *, is_fresh: bool = False) -> BreakerUpdate | None:
    """Decode an update. None if it is invalid. `is_fresh` says that it was written just now."""
    fields = _fields(data)
    by = _text(fields, "by")
    if fields.get("state") == _CLOSED:
        return BreakerUpdate(Breaker(), by)
    at, since, until = (_time(fields.get(name)) for name in ("at", "opened", "until"))
    if fields.get("state") != _OPEN or at is None or since is None or until is None:
        return None
    if not is_fresh and now.wall_ns / _NANOSECONDS - until > _FORGOTTEN_AFTER_S:
        return BreakerUpdate(Breaker(), by)
    reference = at if is_fresh else max(at, now.wall_ns / _NANOSECONDS)
    monotonic = now.monotonic_ns / _NANOSECONDS
    left = min(max(until - reference, 0.0), rules.open)
    began = monotonic - max(reference - since, 0.0)
    return BreakerUpdate(opened(began, monotonic + left, _text(fields, "reason")[:_LONGEST_REASON]), by)


def _wall(seconds: float, now: Timestamp) -> str:
    return rfc3339(now.wall_ns + round(seconds * _NANOSECONDS) - now.monotonic_ns)


def _fields(data: bytes) -> dict[str, Any]:
    if len(data) > _LARGEST:
        return {}
    try:
        value = rawjson.loads(data)
    except NotJson:
        return {}
    return value if isinstance(value, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _time(text: Any) -> float | None:
    """Seconds since 1970 of an RFC 3339 time. None if it is invalid, or has no time zone."""
    try:
        time = datetime.fromisoformat(text)
        return time.timestamp() if time.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None
