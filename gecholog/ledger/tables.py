"""The tables of the ledger as SQLAlchemy sees them. The migrations create them; a test compares the two."""

from __future__ import annotations

from dataclasses import dataclass
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
    Column("group_id", _BIG, nullable=False, server_default="0"),
)
"""One row per call. `number` counts in the order of insertion, `group_id` is that of its `call_groups`."""

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


call_groups = Table(
    "call_groups",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    *_columns(_TEXT, "router client_key owner tags provider model"),
    *_columns(_SMALL, "status"),
    *_columns(_TEXT, "error_class"),
)
"""The combinations of values that calls have. `tags` is a list in JSON as in `calls`, `status` 0 without a reply."""


def _sums(name: str, period: str, texts: str, smalls: str = "") -> Table:
    return Table(
        name,
        metadata,
        *_columns(_BIG, period, key=True),
        *_columns(_TEXT, texts, key=True),
        *_columns(_SMALL, smalls, key=True),
        *_columns(_BIG, " ".join((*COUNTS, *BUCKETS))),
    )


def _group_sums(name: str, period: str) -> Table:
    return Table(
        name,
        metadata,
        *_columns(_BIG, f"{period} group_id", key=True),
        *_columns(_BIG, " ".join(("last_us", *COUNTS, *BUCKETS))),
    )


@dataclass(frozen=True, slots=True)
class Rollup:
    """Sums of calls with the same values of `fields` (columns of `calls`), by hour and by day, counted since 1970."""

    fields: tuple[str, ...]
    hourly: Table
    daily: Table


def _rollup(name: str, texts: str, smalls: str = "") -> Rollup:
    return Rollup(
        (*texts.split(), *smalls.split()),
        _sums(f"hourly_{name}", "hour", texts, smalls),
        _sums(f"daily_{name}", "day", texts, smalls),
    )


MODELS = _rollup("models", "provider model", "status_class")
CLIENTS = _rollup("clients", "client_key owner")
ROUTERS = _rollup("routers", "router")
OUTCOMES = _rollup("outcomes", "router error_class", "status")
SMALL_ROLLUPS = (ROUTERS, MODELS, CLIENTS, OUTCOMES)
"""Roll-ups by few fields: quick over a long time."""

GROUPS = Rollup(("group_id",), _group_sums("hourly_groups", "hour"), _group_sums("daily_groups", "day"))
"""The roll-up by `call_groups`, which knows all fields. `last_us` is when the latest call began."""
