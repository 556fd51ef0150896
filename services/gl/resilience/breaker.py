"""The circuit breaker of one target: closed, open, half-open. A value, and pure functions that make the next one.

Closed: calls go to the target. It opens after a number of failures in a row, or if too many of the calls in a window of
time failed. Open: calls go elsewhere. After a while it is half-open: one call is let through as a probe. A success
closes the breaker, a failure opens it again. Times are seconds of any one clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

_PROBE_LASTS = 60.0  # seconds after which a probe without an outcome is given up


class State(Enum):
    """Whether calls go to a target."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a breaker opens, and for how long. Times are in seconds.

    It opens after `failures` in a row, or when more than `ratio` of at least `volume` calls in a `window` failed.
    """

    failures: int = 5
    ratio: float = 0.5
    volume: int = 20
    window: float = 30.0
    open: float = 30.0

    @classmethod
    def of(cls, entry: dict[str, Any]) -> BreakerRules:
        """The rules of a checked `breaker` of the config file, with defaults for missing fields."""
        usual = cls()
        return cls(
            failures=entry.get("failures", usual.failures),
            ratio=entry.get("ratio", usual.ratio),
            volume=entry.get("volume", usual.volume),
            window=entry["window_ms"] / 1000 if "window_ms" in entry else usual.window,
            open=entry["open_ms"] / 1000 if "open_ms" in entry else usual.open,
        )


class Breaker(NamedTuple):
    """The state of one target.

    `opened` is when it opened, None while it is closed. An open breaker is half-open from `until` on, and `reason` says
    why it opened. `probed` is when the probe of a half-open breaker began. Outcomes are counted in two halves of the
    window, the current one and the one before. So the window slides by half its length, without a list of calls.
    """

    in_a_row: int = 0
    half_began: float = 0.0
    calls: tuple[int, int] = (0, 0)
    failed: tuple[int, int] = (0, 0)
    opened: float | None = None
    until: float = 0.0
    reason: str = ""
    probed: float | None = None


def state(breaker: Breaker, now: float) -> State:
    """The state of a breaker."""
    if breaker.opened is None:
        return State.CLOSED
    return State.HALF_OPEN if now >= breaker.until else State.OPEN


def admits(breaker: Breaker, now: float) -> bool:
    """Tell whether a call may go to the target. A half-open breaker admits one probe at a time."""
    if breaker.opened is None:  # nearly always
        return True
    is_half_open = now >= breaker.until
    return is_half_open and (breaker.probed is None or now - breaker.probed >= _PROBE_LASTS)


def began(breaker: Breaker, now: float) -> Breaker:
    """Note that a call has begun. If the breaker is half-open, the call is its probe."""
    if breaker.opened is None or now < breaker.until:
        return breaker
    return breaker._replace(probed=now)


def given_up(breaker: Breaker, start: float) -> Breaker:
    """A call that began at `start` ended without an outcome, because its client left. Another probe may be made."""
    return breaker._replace(probed=None) if breaker.probed == start else breaker


def succeeded(breaker: Breaker, rules: BreakerRules, start: float, now: float) -> Breaker:
    """A call that began at `start` succeeded. It closes an open breaker, unless it began before that opened.

    Calls go to a target whose breaker is open if there is no other.
    """
    if breaker.opened is not None:
        return Breaker(half_began=now) if start >= breaker.opened else breaker
    return _counted(breaker, rules, now, failed=0, in_a_row=0)


def failed(breaker: Breaker, rules: BreakerRules, start: float, now: float, reason: str = "") -> Breaker:
    """A call that began at `start` failed for a reason."""
    match state(breaker, now):
        case State.OPEN:  # it must not stay open for longer
            return breaker
        case State.HALF_OPEN:
            is_old = breaker.opened is not None and start < breaker.opened
            return breaker if is_old else opened(now, now + rules.open, f"the probe failed: {reason}")
        case State.CLOSED:
            counted = _counted(breaker, rules, now, failed=1, in_a_row=breaker.in_a_row + 1)
            why = _why_open(counted, rules)
            return opened(now, now + rules.open, f"{why}, the last: {reason}") if why else counted


def opened(at: float, until: float, reason: str) -> Breaker:
    """A breaker that opened, here or in another replica."""
    return Breaker(half_began=at, opened=at, until=until, reason=reason)


def _why_open(breaker: Breaker, rules: BreakerRules) -> str:
    """Why a breaker must open; empty if it need not."""
    if breaker.in_a_row >= rules.failures:
        return f"{breaker.in_a_row} failures in a row"
    calls, failures = sum(breaker.calls), sum(breaker.failed)
    return f"{failures} of {calls} calls failed" if calls >= rules.volume and failures > rules.ratio * calls else ""


def _counted(breaker: Breaker, rules: BreakerRules, now: float, *, failed: int, in_a_row: int) -> Breaker:
    """Count a call to a target whose breaker is closed, and drop expired halves of the window."""
    began = breaker.half_began
    (calls_before, calls), (failed_before, failures) = breaker.calls, breaker.failed
    half, age = rules.window / 2, now - began
    if age >= rules.window or age < 0:
        calls_before, calls, failed_before, failures, began = 0, 0, 0, 0, now
    elif age >= half:
        calls_before, calls, failed_before, failures, began = calls, 0, failures, 0, began + half
    return Breaker(in_a_row, began, (calls_before, calls + 1), (failed_before, failures + failed))
