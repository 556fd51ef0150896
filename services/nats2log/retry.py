"""What is done about a record that was not written, and how long to wait. Pure functions."""

from __future__ import annotations

from enum import Enum

from gecholog.backoff import exponential
from services.nats2log.sinks.sink import Kind

_LONGEST = 60.0  # seconds between attempts
_SHORTEST = 0.05  # seconds; with a delay of 0 in the config an outage must not become a busy loop
_SPREAD = 0.2  # so that sinks which failed together do not come back together


class Verdict(Enum):
    """What becomes of a record that was not written."""

    WAIT = "wait"  # for the end of the outage, however long; nothing else is tried meanwhile
    AGAIN = "again"  # after a pause, while the others flow on
    GIVE_UP = "give up"


def verdict(kind: Kind, attempts: int, retries: int, *, durable: bool) -> Verdict:
    """What to do after the `attempts`-th attempt. Only what the record log keeps can wait.

    A target that is too busy for a record has not refused it: as long as the record log keeps it, it is tried again.
    """
    if durable and kind is Kind.OUTAGE:
        return Verdict.WAIT
    if durable and kind is Kind.BUSY:
        return Verdict.AGAIN
    return Verdict.AGAIN if attempts <= retries else Verdict.GIVE_UP


def pause(attempts: int, delay_ms: int, retry_after: float, chance: float) -> float:
    """Seconds until the next attempt: doubling, at least what the target asked for. `chance` is from 0 to 1."""
    doubled = exponential(attempts - 1, delay_ms / 1000, _LONGEST)
    spread = 1 + _SPREAD * (2 * chance - 1)
    return max(_SHORTEST, retry_after, min(_LONGEST, doubled * spread))
