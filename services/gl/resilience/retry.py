"""Retries: whether the same target is called again after a failure, and when. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.retry_after import seconds
from services.gl.resilience import backoff

if TYPE_CHECKING:
    from services.gl.resilience.rules import ResilienceRules


def pause(rules: ResilienceRules, retry: int, jitter: float, retry_after: str | None, now: float) -> float | None:
    """Seconds before the next retry, or None.

    `retry` is the number of retries so far, `jitter` a random number from 0 to 1, `retry_after` the header of the
    response that failed, and `now` the seconds since 1970.
    """
    if retry >= rules.retries:
        return None
    asked = None if retry_after is None else seconds(retry_after, now)
    return backoff.pause(retry, jitter, asked, rules.retry_after_max)
