"""The results of queries to the ledger. Integers only: money in pico-USD, times in microseconds. Pure.

Two databases with the same rows give equal answers, and `json_of` writes them as the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from operator import attrgetter
from typing import Any

import orjson

from gecholog.ledger.histogram import percentile_us


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over calls.

    `cost_pico` is all that they cost, `extra_cost_pico` the part for failed attempts and classifiers. `unpriced` calls
    used tokens of a model without a price. `duration_us` is the sum of all durations.
    """

    calls: int = 0
    errors: int = 0
    streamed: int = 0
    unpriced: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cache_creation_tokens: int = 0
    reasoning_tokens: int = 0
    cost_pico: int = 0
    extra_cost_pico: int = 0
    duration_us: int = 0
    request_bytes: int = 0
    response_bytes: int = 0

    @property
    def mean_duration_us(self) -> int:
        """The mean duration, rounded down; 0 without calls."""
        return self.duration_us // self.calls if self.calls else 0


_counts_of = attrgetter(*(one.name for one in fields(Totals)))


def added(parts: Iterable[Totals]) -> Totals:
    """The sum of totals."""
    return Totals(*map(sum, zip(*map(_counts_of, parts), strict=True)))


@dataclass(frozen=True, slots=True)
class Group:
    """The calls that share a value of the dimension asked for. `name` is the latest name of a client, else empty.

    `key` is the value as text; `is_rest` marks the sum of all groups beyond a limit.
    """

    key: str
    totals: Totals
    name: str = ""
    is_rest: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a time series: the totals of the calls that began at `start_us` or later, before the next step.

    `key` is the group (empty if there are none), `is_rest` as in `Group`. Steps without calls have no point.
    """

    start_us: int
    key: str
    totals: Totals
    is_rest: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """The cost of a local day (`2026-11-30`). `key` is the group; empty without grouping."""

    date: str
    key: str
    calls: int
    total_tokens: int
    cost_pico: int
    unpriced: int


@dataclass(frozen=True, slots=True)
class Latency:
    """The latency histogram of a group of calls: counts in the buckets of `histogram.BOUNDS_US`."""

    key: str
    counts: tuple[int, ...]
    start_us: int | None = None  # of the step, if asked for by time

    @property
    def calls(self) -> int:
        return sum(self.counts)

    def percentile_us(self, percent: float) -> int | None:
        """A percentile in microseconds (`histogram.percentile_us`); None without calls."""
        return percentile_us(self.counts, percent)


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """Calls that ended with the same error class and status (None: no reply). `last_us`: when the latest began."""

    error_class: str
    status: int | None
    calls: int
    last_us: int


@dataclass(frozen=True, slots=True)
class UnpricedModel:
    """A model that used tokens and has no price."""

    provider: str
    model: str
    calls: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt of a call, as in `rows.AttemptRow`."""

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
class Call:
    """A call, as in `rows.CallRow`."""

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


@dataclass(frozen=True, slots=True)
class CallDetail:
    """A call with its attempts, and with its payloads (JSON) if the ledger stores them."""

    call: Call
    attempts: tuple[Attempt, ...]
    request_payload: bytes | None = None
    response_payload: bytes | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a history: the call after which the next page begins."""

    started_us: int
    id: str

    def __str__(self) -> str:
        return f"{self.started_us}_{self.id}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `str` made. Raises ValueError."""
        started, _, call_id = text.partition("_")
        if not started.isdecimal() or not started.isascii() or not call_id:
            raise ValueError("not a cursor")
        return cls(int(started), call_id)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a history, the latest call first. `next` is None on the last page."""

    calls: tuple[Call, ...]
    next: Cursor | None = None


def json_of(answer: Any) -> bytes:
    """An answer, or a list of answers, as JSON."""
    return orjson.dumps(plain(answer))


def plain(answer: Any) -> Any:
    """An answer as dicts, lists and plain values. Payloads become text."""
    if is_dataclass(answer) and not isinstance(answer, type):
        return {one.name: plain(getattr(answer, one.name)) for one in fields(answer)}
    if isinstance(answer, list | tuple):
        return [plain(one) for one in answer]
    if isinstance(answer, dict):
        return {name: plain(value) for name, value in answer.items()}
    if isinstance(answer, bytes):
        return answer.decode("utf-8", "replace")
    return answer.value if isinstance(answer, Enum) else answer
