"""The rows that a record becomes: one of the call, one for each of its attempts. Times are in microseconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One request to an upstream. `status` is None without a response, a token count None if it was not reported.

    `error` is gl's own reason why there was no response. What a provider says about a request is not stored, because it
    may quote the request.
    """

    number: int
    router: str
    provider: str
    model: str
    host: str
    status: int | None
    error: str
    started_us: int
    duration_us: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_pico: int | None


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call. Texts are empty and numbers None where the record does not tell.

    `cost_pico` is what the whole call cost, `extra_cost_pico` the part of it that is not the response's: failed
    attempts and the rating of a classifier. `overhead_us` is the time that was not spent on upstreams.
    """

    id: str
    stream_sequence: int | None
    started_us: int
    session_id: str
    transaction_id: str
    router: str
    method: str
    endpoint: str
    client_key: str
    client_name: str
    owner: str
    tags: tuple[str, ...]
    requested_model: str
    provider: str
    model: str
    status: int | None
    status_class: int
    error_class: str
    streamed: bool
    completed: bool
    attempt_count: int
    usage_source: str
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    cached_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    cost_pico: int | None
    extra_cost_pico: int
    price_version: str
    duration_us: int
    upstream_us: int
    first_chunk_us: int | None
    overhead_us: int
    latency_bucket: int
    request_bytes: int
    response_bytes: int
    failed_processors: tuple[str, ...]
    attempts: tuple[AttemptRow, ...] = ()

    @property
    def hour(self) -> int:
        """The hour of the roll-ups that the call counts in: hours since 1970."""
        return self.started_us // HOUR_US

    @property
    def is_unpriced(self) -> bool:
        """Whether the call used tokens of a model that has no price."""
        return self.cost_pico is None and bool(self.total_tokens)


HOUR_US = 3_600_000_000
"""Microseconds in an hour."""

DAY_US = 24 * HOUR_US
"""Microseconds in a day (of UTC)."""
