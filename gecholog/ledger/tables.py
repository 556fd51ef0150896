"""The tables of the ledger as SQLAlchemy sees them. The migrations create them; a test compares the two."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, SmallInteger, Table, Text
from sqlalchemy.types import TypeEngine

from gecholog.ledger.histogram import SIZE

metadata = MetaData()

# Texts are compared by code point, as SQLite does by default, so that both databases sort alike.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_BIG, _SMALL = BigInteger(), SmallInteger()


def _columns(kind: TypeEngine[Any], names: str, *, null: bool = False, key: bool = False) -> list[Column[Any]]:
    return [Column(name, kind, nullable=null, primary_key=key) for name in names.split()]


calls = Table(
    "calls",
    metadata,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    *_columns(_TEXT, "id"),
    *_columns(_BIG, "stream_sequence", null=True),
    *_columns(_BIG, "started_us"),
    *_columns(_TEXT, "session_id transaction_id router method endpoint client_key client_name owner tags"),
    *_columns(_TEXT, "requested_model provider model"),
    *_columns(_SMALL, "status", null=True),
    *_columns(_SMALL, "status_class"),
    *_columns(_TEXT, "error_class"),
    *_columns(_SMALL, "streamed completed attempt_count"),
    *_columns(_TEXT, "usage_source"),
    *_columns(_BIG, "prompt_tokens completion_tokens total_tokens cached_tokens cache_creation_tokens", null=True),
    *_columns(_BIG, "reasoning_tokens cost_pico", null=True),
    *_columns(_BIG, "extra_cost_pico"),
    *_columns(_TEXT, "price_version"),
    *_columns(_BIG, "duration_us upstream_us"),
    *_columns(_BIG, "first_chunk_us", null=True),
    *_columns(_BIG, "overhead_us"),
    *_columns(_SMALL, "latency_bucket"),
    *_columns(_BIG, "request_bytes response_bytes"),
    *_columns(_TEXT, "failed_processors"),
)
"""One row per call. `number` counts in the order of insertion."""

attempts = Table(
    "attempts",
    metadata,
    *_columns(_TEXT, "call_id", key=True),
    *_columns(_SMALL, "number", key=True),
    *_columns(_TEXT, "router provider model host"),
    *_columns(_SMALL, "status", null=True),
    *_columns(_TEXT, "error"),
    *_columns(_BIG, "started_us duration_us"),
    *_columns(_BIG, "prompt_tokens completion_tokens cost_pico", null=True),
)

call_tags = Table(
    "call_tags",
    metadata,
    *_columns(_TEXT, "tag", key=True),
    *_columns(_BIG, "started_us", key=True),
    *_columns(_TEXT, "call_id", key=True),
)

payloads = Table(
    "payloads",
    metadata,
    *_columns(_TEXT, "call_id", key=True),
    *_columns(_BIG, "started_us"),
    *_columns(LargeBinary(), "request response", null=True),
)
"""Compressed payloads, if the ledger is told to store them."""

clients = Table(
    "clients",
    metadata,
    *_columns(_TEXT, "client_key", key=True),
    *_columns(_TEXT, "name owner"),
    *_columns(_BIG, "seen_us"),
)
"""The latest name of each client key."""

COUNTS = (
    "calls",
    "errors",
    "streamed",
    "unpriced",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "cache_creation_tokens",
    "reasoning_tokens",
    "cost_pico",
    "extra_cost_pico",
    "duration_us",
    "request_bytes",
    "response_bytes",
)
"""What a roll-up adds up."""

BUCKETS = tuple(f"h{bucket:02d}" for bucket in range(SIZE))
"""The columns of a roll-up's latency histogram."""


def _hourly(name: str, texts: str, smalls: str = "") -> Table:
    return Table(
        name,
        metadata,
        *_columns(_BIG, "hour", key=True),
        *_columns(_TEXT, texts, key=True),
        *_columns(_SMALL, smalls, key=True),
        *_columns(_BIG, " ".join((*COUNTS, *BUCKETS))),
    )


hourly_models = _hourly("hourly_models", "provider model", "status_class")
hourly_clients = _hourly("hourly_clients", "client_key owner")
hourly_routers = _hourly("hourly_routers", "router")

ROLLUPS = (hourly_models, hourly_clients, hourly_routers)
"""Sums of all calls of an hour. `hour` counts the hours since 1970."""
