"""How far a consumer is behind, and how near to the limits of the stream that is."""

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
class Backlog:
    """`records` are still to be acknowledged; `share` is how much of the stream's limits they take up, 1.0 = all."""

    records: int
    share: float = 0.0


async def measure(bus: Requester, stream: str, consumer: str) -> Backlog:
    """Ask JetStream. Raises BusError."""
    with understood():
        return await _measured(bus, stream, consumer)


async def _measured(bus: Requester, stream: str, consumer: str) -> Backlog:
    info = await ask(bus, f"CONSUMER.INFO.{stream}.{consumer}")
    records = info["num_pending"] + info["num_ack_pending"]
    if not records:
        return Backlog(0)
    about = await ask(bus, f"STREAM.INFO.{stream}")
    limits = RecordLog.of(about)
    oldest = max(info["ack_floor"]["stream_seq"] + 1, about["state"]["first_seq"])
    age = await _age(bus, stream, oldest, info["config"].get("filter_subject", ">")) if limits.max_age else 0.0
    return Backlog(records, share_of_limits(limits, about["state"], oldest, age))


def share_of_limits(limits: RecordLog, state: Mapping[str, Any], oldest: int, age: float) -> float:
    """How near the record with number `oldest`, `age` seconds old, is to being dropped: 1.0 = it is the next."""
    shares = [0.0]
    span = state["last_seq"] - state["first_seq"] + 1
    if limits.max_bytes and span > 0:
        behind = (state["last_seq"] - oldest + 1) / span
        shares.append(behind * state["bytes"] / limits.max_bytes)
    if limits.max_age:
        shares.append(age / limits.max_age)
    return max(shares)


async def _age(bus: Requester, stream: str, sequence: int, subject: str) -> float:
    """Seconds since the first record at or behind `sequence` came into the stream."""
    try:
        found = await ask(bus, f"STREAM.MSG.GET.{stream}", {"seq": sequence, "next_by_subj": subject})
    except (RecordLogRefused, NoAnswer):
        return 0.0  # gone meanwhile
    return max(0.0, time.time() - datetime.fromisoformat(found["message"]["time"]).timestamp())
