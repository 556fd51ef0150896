"""The circuit breaker of one target: closed, open, half-open. A value, and pure functions that make the next one.

Closed: calls go there. It opens after so many failures in a row, or when too large a share of the calls of a window of
time failed. Open: calls go elsewhere. After a while it is half-open: one call is let through as a probe; a success
closes the breaker, a failure opens it again. Times are seconds of any one clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

_PROBE_LASTS = 60.0  # seconds after which a probe that nobody heard of is given up


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
        """The rules of a checked `breaker` of the config file; what it leaves out is as usual."""
        usual = cls()
        return cls(
            failures=entry.get("failures", usual.failures),
            ratio=entry.get("ratio", usual.ratio),
            volume=entry.get("volume", usual.volume),
            window=entry["window_ms"] / 1000 if "window_ms" in entry else usual.window,
            open=entry["open_ms"] / 1000 if "open_ms" in entry else usual.open,
        )


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one target.

    `opened` is when it opened, None while it is closed; `probed` is when the probe of a half-open one began. The
    outcomes of the window are counted in two halves, the current one and the one before: that is a window that slides
    by half its length, without a list of calls.
    """

    in_a_row: int = 0
    half_began: float = 0.0
    calls: tuple[int, int] = (0, 0)
    failed: tuple[int, int] = (0, 0)
    opened: float | None = None
    probed: float | None = None


def state(breaker: Breaker, rules: BreakerRules, now: float) -> State:
    """The state of a breaker."""
    if breaker.opened is None:
        return State.CLOSED
    return State.HALF_OPEN if now - breaker.opened >= rules.open else State.OPEN


def admits(breaker: Breaker, rules: BreakerRules, now: float) -> bool:
    """Tell whether a call may go to the target; of a half-open one, whether no probe is on its way."""
    match state(breaker, rules, now):
        case State.CLOSED:
            return True
        case State.OPEN:
            return False
        case State.HALF_OPEN:
            return breaker.probed is None or now - breaker.probed >= _PROBE_LASTS


def began(breaker: Breaker, rules: BreakerRules, now: float) -> Breaker:
    """A call has begun. For a half-open breaker it is the probe."""
    return replace(breaker, probed=now) if state(breaker, rules, now) is State.HALF_OPEN else breaker


def given_up(breaker: Breaker) -> Breaker:
    """A call has ended, and says nothing of the target: its client left, for example. A probe may be made again."""
    return replace(breaker, probed=None) if breaker.probed is not None else breaker


def succeeded(breaker: Breaker, rules: BreakerRules, now: float) -> Breaker:
    """The target answered. An open breaker closes, also by the answer of a call that began before it opened."""
    if breaker.opened is not None:
        return Breaker(half_began=now)
    return replace(_counted(breaker, rules, now, failed=0), in_a_row=0)


def failed(breaker: Breaker, rules: BreakerRules, now: float) -> Breaker:
    """The target failed."""
    match state(breaker, rules, now):
        case State.OPEN:  # a call that began before; it tells nothing new, and must not prolong the time
            return breaker
        case State.HALF_OPEN:
            return replace(breaker, opened=now, probed=None)
        case State.CLOSED:
            counted = _counted(breaker, rules, now, failed=1)
            counted = replace(counted, in_a_row=breaker.in_a_row + 1)
            return replace(counted, opened=now) if _is_too_much(counted, rules) else counted


def _is_too_much(breaker: Breaker, rules: BreakerRules) -> bool:
    if breaker.in_a_row >= rules.failures:
        return True
    calls = sum(breaker.calls)
    return calls >= rules.volume and sum(breaker.failed) > rules.ratio * calls


def _counted(breaker: Breaker, rules: BreakerRules, now: float, *, failed: int) -> Breaker:
    """One more call in the window; halves that are over are forgotten."""
    half = rules.window / 2
    age = now - breaker.half_began
    calls, failures, began_at = breaker.calls, breaker.failed, breaker.half_began
    if age >= rules.window or age < 0:
        calls, failures, began_at = (0, 0), (0, 0), now
    elif age >= half:
        calls, failures, began_at = (calls[1], 0), (failures[1], 0), breaker.half_began + half
    calls = calls[0], calls[1] + 1
    failures = failures[0], failures[1] + failed
    return replace(breaker, calls=calls, failed=failures, half_began=began_at)
