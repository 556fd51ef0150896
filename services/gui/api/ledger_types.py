"""The JSON of the operations on the ledger. Times are texts in UTC (RFC 3339), costs exact decimals of USD as texts."""

from __future__ import annotations

from typing import Any

import msgspec


class Sums(msgspec.Struct):
    """Sums over calls. `unpriced` calls used tokens of a model without a price; their cost is in no sum."""

    calls: int
    failed: int
    streamed: int
    unpriced: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int
    cache_creation_tokens: int
    reasoning_tokens: int
    cost_usd: str
    request_bytes: int
    response_bytes: int


class Percentiles(msgspec.Struct):
    """Durations that half of the calls, and 95 of 100, did not exceed; from a histogram. Null without calls."""

    p50_ms: float | None
    p95_ms: float | None


class GroupSums(msgspec.Struct):
    """The sums of a group. `rest`: of all groups beyond the limit."""

    key: str
    name: str
    rest: bool
    sums: Sums


class ErrorSums(msgspec.Struct):
    """Calls that ended with the same error class and status; status null: no reply."""

    error: str
    meaning: str
    status: int | None
    calls: int
    latest: str


class Overview(msgspec.Struct):
    """A range of time, and the range of the same length before it."""

    start: str
    end: str
    sums: Sums
    before: Sums
    duration: Percentiles
    duration_before: Percentiles
    models: list[GroupSums]
    clients: list[GroupSums]
    errors: list[ErrorSums]


class CallLine(msgspec.Struct):
    """The calls of a model in each step."""

    name: str
    calls: list[int]


class CallSeries(msgspec.Struct):
    """Calls by step and model. `times` are the starts of the steps in seconds since 1970."""

    step_seconds: int
    times: list[int]
    series: list[CallLine]


class HistoryPage(msgspec.Struct):
    """Calls, the latest first, as `ledger export` writes them. `next` is for the parameter `after`."""

    calls: list[dict[str, Any]]
    next: str | None


class CallWithAttempts(msgspec.Struct):
    """A call with its attempts, without payloads."""

    call: dict[str, Any]
    attempts: list[dict[str, Any]]


class UsageDay(msgspec.Struct):
    """A local day."""

    day: str
    calls: int
    total_tokens: int
    unpriced: int
    cost_usd: str


class UnpricedModelOut(msgspec.Struct):
    """A model that used tokens and has no price."""

    provider: str
    model: str
    calls: int
    total_tokens: int


class Usage(msgspec.Struct):
    """Usage and cost of a range: by local day, and by group if one is asked for."""

    start: str
    end: str
    zone: str
    sums: Sums
    days: list[UsageDay]
    groups: list[GroupSums]
    unpriced_models: list[UnpricedModelOut]


class LimitUse(msgspec.Struct):
    """A limit and what is used of it. Amounts of a budget in USD are decimals as texts, others numbers as texts.

    `resets` is null for a limit of the last minute, of calls at a time, and of a budget that never begins anew.
    """

    unit: str
    period: str
    is_budget: bool
    used: str
    limit: str
    percent: int
    state: str
    resets: str | None


class SpenderOut(msgspec.Struct):
    """A client key or an owner with limits."""

    kind: str
    id: str
    name: str
    state: str
    limits: list[LimitUse]
