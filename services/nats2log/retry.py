"""The retry policy: whether a record is retried, and how long to wait. Pure functions."""

from __future__ import annotations

from enum import Enum

from gecholog.backoff import exponential
from services.nats2log.sinks.sink import FaultKind

_MAX_DELAY_S = 60.0
_MIN_DELAY_S = 0.05  # with a delay of 0 in the config, an outage must not cause a busy loop
_JITTER = 0.2  # so that sinks that failed at the same time do not retry at the same time


class RetryDecision(Enum):
    """What to do with a record that was not written."""

    WAIT = "wait"  # until the outage ends, however long it takes; nothing else is written
    RETRY = "retry"  # after a delay, while other records are written
    GIVE_UP = "give up"


def decide(kind: FaultKind, attempts: int, retries: int, *, durable: bool) -> RetryDecision:
    """Decide what to do after the `attempts`-th attempt. Only records in the record stream (`durable`) can wait.

    A destination that is too busy has not rejected the record, so a durable record is retried without limit.
    """
    if durable and kind is FaultKind.OUTAGE:
        return RetryDecision.WAIT
    if durable and kind is FaultKind.BUSY:
        return RetryDecision.RETRY
    return RetryDecision.RETRY if attempts <= retries else RetryDecision.GIVE_UP


def backoff(attempts: int, delay_ms: int, retry_after: float, chance: float) -> float:
    """Return the seconds until the next attempt: exponential with jitter, and at least `retry_after`.

    `chance` is a random number from 0 to 1.
    """
    doubled = exponential(attempts - 1, delay_ms / 1000, _MAX_DELAY_S)
    spread = 1 + _JITTER * (2 * chance - 1)
    return max(_MIN_DELAY_S, retry_after, min(_MAX_DELAY_S, doubled * spread))
