"""Exponential back-off with jitter: retries of many clients are spread over time. Pure."""

from __future__ import annotations

from gecholog.backoff import exponential

FIRST_S = 0.25
MOST_S = 30.0


def delay(retry: int, jitter: float, most: float = MOST_S) -> float:
    """Seconds before a retry: exponential back-off with full jitter.

    `retry` counts from 0; `jitter` is a random number from 0 to 1. See
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.
    """
    return jitter * exponential(retry, FIRST_S, most)


def pause(retry: int, jitter: float, asked: float | None, most_asked: float) -> float | None:
    """Seconds before a retry; None if the target asks for a delay of more than `most_asked` seconds.

    `asked` is the delay in its `Retry-After`, None without one. The retry is not sent before that.
    """
    own = delay(retry, jitter)
    if asked is None:
        return own
    return max(own, asked) if asked <= most_asked else None
