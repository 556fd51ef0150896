"""Measures how far a consumer is behind, and how close that is to the limits of the stream."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gecholog.errors import NoAnswer
from gecholog.jetstream import understood
from gecholog.recordlog import RecordLog, RecordLogRefused, ask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gecholog.jetstream import Requester


@dataclass(frozen=True, slots=True)
class ConsumerLag:
    """`records` are not acknowledged yet. They use `limit_ratio` of the stream's limits, where 1.0 is all."""

    records: int
    limit_ratio: float = 0.0


async def measure(bus: Requester, stream: str, consumer: str) -> ConsumerLag:
    """Ask JetStream how far a consumer is behind. Raises BusError."""
    with understood():
        return await _measured(bus, stream, consumer)


async def _measured(bus: Requester, stream: str, consumer: str) -> ConsumerLag:
    info = await ask(bus, f"CONSUMER.INFO.{stream}.{consumer}")
    records = info["num_pending"] + info["num_ack_pending"]
    if not records:
        return ConsumerLag(0)
    stream_info = await ask(bus, f"STREAM.INFO.{stream}")
    limits = RecordLog.of(stream_info)
    oldest = max(info["ack_floor"]["stream_seq"] + 1, stream_info["state"]["first_seq"])
    age = await _age(bus, stream, oldest, info["config"].get("filter_subject", ">")) if limits.max_age else 0.0
    return ConsumerLag(records, limit_ratio(limits, stream_info["state"], oldest, age))


def limit_ratio(limits: RecordLog, state: Mapping[str, Any], oldest: int, age: float) -> float:
    """Return how close the oldest unacknowledged record is to being dropped. 1.0 means that it is the next one.

    `oldest` is its stream sequence number, and `age` its age in seconds.
    """
    ratios = [0.0]
    span = state["last_seq"] - state["first_seq"] + 1
    if limits.max_bytes and span > 0:
        behind = (state["last_seq"] - oldest + 1) / span
        ratios.append(behind * state["bytes"] / limits.max_bytes)
    if limits.max_age:
        ratios.append(age / limits.max_age)
    return max(ratios)


async def _age(bus: Requester, stream: str, sequence: int, subject: str) -> float:
    """Return the age in seconds of the first record at or after `sequence`."""
    try:
        found = await ask(bus, f"STREAM.MSG.GET.{stream}", {"seq": sequence, "next_by_subj": subject})
    except (RecordLogRefused, NoAnswer):
        return 0.0  # dropped in the meantime
    return max(0.0, time.time() - datetime.fromisoformat(found["message"]["time"]).timestamp())
