"""All metrics of gl. Their names are part of the interface: dashboards and alerts depend on them.

Counters and histograms of several workers are added. So are gauges, unless their family says otherwise: the state of a
circuit breaker and budgets are shared by all workers, and each of them knows them.
"""

from __future__ import annotations

from gecholog.metrics.family import Family, Kind, Merge

NANO = 10**9
ATTO = 10**18

# From 1 ms to 5 min: answers of models take seconds, and those of caches and errors milliseconds.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_SMALL_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

_TARGET = ("router", "provider", "model")
_SELLER = ("model", "provider")


def _counter(name: str, text: str, *labels: str, scale: int = 1) -> Family:
    return Family(name, Kind.COUNTER, text, labels, scale=scale)


def _gauge(name: str, text: str, *labels: str, merge: Merge = Merge.SUM) -> Family:
    return Family(name, Kind.GAUGE, text, labels, merge)


def _histogram(name: str, text: str, *labels: str, bounds: tuple[float, ...] = _SECONDS) -> Family:
    return Family(name, Kind.HISTOGRAM, text, labels, scale=NANO, bounds=bounds)


# Of llm-gateway, whose dashboards go on to work.
PROMPT_TOKENS = _counter("llm_gateway_prompt_tokens_total", "Total number of prompt tokens used", *_SELLER)
COMPLETION_TOKENS = _counter("llm_gateway_completion_tokens_total", "Total number of completion tokens used", *_SELLER)
TOTAL_TOKENS = _counter("llm_gateway_total_tokens_total", "Total number of tokens used (prompt + completion)", *_SELLER)
HTTP_REQUESTS = _counter("http_requests_total", "Total number of HTTP requests", "method", "path")

# Of calls.
REQUESTS = _counter("gecholog_requests_total", "Calls, by the status that the client received", *_TARGET, "status")
DURATION = _histogram("gecholog_request_duration_seconds", "Duration of calls, as clients see it", *_TARGET)
UPSTREAM = _histogram(
    "gecholog_upstream_duration_seconds",
    "From sending the last request upstream until its response is complete",
    *_TARGET,
)
OVERHEAD = _histogram(
    "gecholog_overhead_seconds",
    "What a call takes in addition to its last request upstream: processors, failed attempts, and gl itself",
    "router",
    bounds=_SMALL_SECONDS,
)
FIRST_CHUNK = _histogram(
    "gecholog_time_to_first_chunk_seconds",
    "From sending the last request upstream until the first part of a response",
    *_TARGET,
)
TOKENS = _counter("gecholog_tokens_total", "Tokens, by type", *_SELLER, "type")
COST = _counter("gecholog_cost_usd_total", "Cost of calls in US dollars", *_SELLER, "owner", scale=ATTO)
ATTEMPTS = _counter("gecholog_attempts_total", "Requests to upstreams, by outcome", "provider", "outcome")
PROCESSOR = _histogram(
    "gecholog_processor_duration_seconds",
    "Duration of processors, by outcome",
    "processor",
    "outcome",
    bounds=_SMALL_SECONDS,
)
LIMIT_HITS = _counter("gecholog_limit_hits_total", "Calls that were refused because of a limit, by its kind", "kind")

# Of the state of the gateway.
IN_FLIGHT = _gauge("gecholog_in_flight", "Calls in progress")
BREAKER = _gauge("gecholog_breaker_state", "Circuit breakers: 0 closed, 1 half-open, 2 open", "target", merge=Merge.MAX)
BUDGET = _gauge(
    "gecholog_budget_used_ratio", "Part of a budget that is used in its present period", "subject", merge=Merge.MAX
)
RECORDS_PENDING = _gauge("gecholog_records_pending", "Records that the bus has not acknowledged yet")
RECORDS_LOST = _counter(
    "gecholog_records_lost_total", "Records that were lost because bus, journal and memory were full"
)
JOURNAL = _gauge("gecholog_journal_bytes", "Size of the journal of records")
JOURNAL_LIMIT = _gauge("gecholog_journal_limit_bytes", "Largest size of the journal of records")
BUS_CONNECTED = _gauge(
    "gecholog_bus_connected", "Whether the bus is connected: 1, or 0 if any worker is not", merge=Merge.MIN
)
GENERATION = _gauge("gecholog_config_generation", "How many configs were put in force since the start", merge=Merge.MIN)
BUILD = _gauge("gecholog_build_info", "Always 1; the labels say what runs", "version", "python", merge=Merge.MAX)
WORKERS = _gauge("gecholog_workers", "Processes that serve calls")

# Of other services, as they tell on the bus. Every gateway on a bus shows the same ones, hence no sums.
SERVICE_UP = _gauge("gecholog_service_up", "Processes of a service that answer on the bus", "service", merge=Merge.MAX)
SERVICE_COUNTERS = {
    "num_requests": _counter("gecholog_service_requests_total", "Messages to a processor", "service"),
    "num_errors": _counter("gecholog_service_errors_total", "Messages that a processor could not handle", "service"),
    "processing_time": _counter(
        "gecholog_service_processing_seconds_total", "Time in which a processor was busy", "service", scale=NANO
    ),
}
SINK_COUNTERS = {
    "written": _counter("gecholog_sink_delivered_total", "Records that a sink has delivered", "sink"),
    "failed_attempts": _counter("gecholog_sink_failed_attempts_total", "Failed attempts to deliver a record", "sink"),
    "dead_letters": _counter("gecholog_sink_dead_letters_total", "Records in the dead-letter file", "sink"),
    "lost": _counter("gecholog_sink_lost_total", "Records given up without a dead letter", "sink"),
    "dropped": _counter("gecholog_sink_dropped_total", "Records that the stream dropped before delivery", "sink"),
}
SINK_LIMIT = _gauge(
    "gecholog_sink_stream_limit_ratio",
    "How close the oldest undelivered record is to being dropped, which is 1",
    "sink",
    merge=Merge.MAX,
)
SINK_OUTAGE = _gauge("gecholog_sink_outage", "Whether the destination is unavailable", "sink", merge=Merge.MAX)
SINK_GAUGES = {
    "lag": _gauge("gecholog_sink_lag_records", "Records that a sink has not delivered yet", "sink", merge=Merge.MAX),
    "held": _gauge("gecholog_sink_held_records", "Records that failed and will be retried", "sink", merge=Merge.MAX),
    "percent_of_limits": SINK_LIMIT,
}
