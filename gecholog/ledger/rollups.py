"""Adds calls up by hour, into the rows of the roll-ups. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gecholog.ledger.histogram import SIZE
from gecholog.ledger.rows import CallRow

Key = tuple[Any, ...]

KEYS: dict[str, Callable[[CallRow], Key]] = {
    "hourly_models": lambda call: (call.hour, call.provider, call.model, call.status_class),
    "hourly_clients": lambda call: (call.hour, call.client_key, call.owner),
    "hourly_routers": lambda call: (call.hour, call.router),
}
"""By table: the primary key of the row in which a call counts."""


def summed(calls: Iterable[CallRow], key_of: Callable[[CallRow], Key]) -> dict[Key, list[int]]:
    """The sums of calls by key: the counts in the order of `tables.COUNTS`, then the buckets of the histogram.

    The keys are sorted, so that two writers lock rows in the same order.
    """
    found: dict[Key, list[int]] = {}
    for call in calls:
        key = key_of(call)
        sums = found.get(key)
        if sums is None:
            sums = found[key] = [0] * (_COUNTS + SIZE)
        for place, value in enumerate(_counts(call)):
            sums[place] += value
        sums[_COUNTS + call.latency_bucket] += 1
    return dict(sorted(found.items()))


def _counts(call: CallRow) -> tuple[int, ...]:
    return (
        1,
        1 if call.error_class else 0,
        1 if call.streamed else 0,
        1 if call.is_unpriced else 0,
        call.prompt_tokens or 0,
        call.completion_tokens or 0,
        call.total_tokens or 0,
        call.cached_tokens or 0,
        call.cache_creation_tokens or 0,
        call.reasoning_tokens or 0,
        call.cost_pico or 0,
        call.extra_cost_pico,
        call.duration_us,
        call.request_bytes,
        call.response_bytes,
    )


_COUNTS = 15
