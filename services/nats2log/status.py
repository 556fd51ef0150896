"""Reports the status of a sink: a log line once a minute, and replies to status requests on the bus."""

from __future__ import annotations

import asyncio
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from gecholog import __version__, rawjson
from gecholog.errors import BusError
from gecholog.logs import Log
from gecholog.timer import now, rfc3339
from services.nats2log.consume import RecordSource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gecholog.bus import Bus, BusMessage
    from services.nats2log.consume import Consumer
    from services.nats2log.counters import SinkCounters
    from services.nats2log.deliver import Delivery
    from services.nats2log.lag import ConsumerLag

log = Log("status")

_INTERVAL_S = 60.0
_WARN_AT = 0.8


class StatusReporter:
    """Reads the state of consumer, delivery and counters."""

    def __init__(self, mode: str, consumer: Consumer, delivery: Delivery, counters: SinkCounters) -> None:
        self.mode = mode
        self._consumer = consumer
        self._delivery = delivery
        self._counters = counters
        self._measured_at = time.monotonic()
        self._rate = 0.0
        self._id = secrets.token_hex(11)
        self._started = f"{rfc3339(now().wall_ns)[:-4]}Z"  # some clients cannot read more than six decimals

    async def run(self) -> None:
        """Report once a minute."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            await self.report()

    async def report(self) -> None:
        """Log the status, and an error if the record stream is about to drop undelivered records."""
        measured = time.monotonic()
        self._rate = self._counters.written_since_last() / max(measured - self._measured_at, 0.001)
        self._measured_at = measured
        lag = await self._lag()
        log.info("status", **self._fields(lag))
        if lag is not None and lag.limit_ratio >= _WARN_AT:
            log.error(
                "record stream is about to drop undelivered records, fix the sink or raise the limits",
                lag=lag.records,
                percent_of_limits=round(100 * lag.limit_ratio),
            )

    async def answer(self, message: BusMessage) -> None:
        """Reply to a status request."""
        await message.answer(rawjson.dumps(self._fields(await self._lag())))

    async def begin(self, bus: Bus, topic: str, alias: str) -> None:
        """Answer status requests on the sink's own topic, and list the sink as a service (ADR-32)."""
        await bus.subscribe(f"{topic}.status", self.answer)
        for verb, answer in (("PING", self._ping), ("INFO", self._info), ("STATS", self._stats)):
            for subject in (f"$SRV.{verb}", f"$SRV.{verb}.{alias}", f"$SRV.{verb}.{alias}.{self._id}"):
                await bus.subscribe(subject, partial(_say, partial(answer, alias, f"{topic}.status")))

    async def _ping(self, alias: str, _: str) -> dict[str, Any]:
        return self._who("ping", alias)

    async def _info(self, alias: str, subject: str) -> dict[str, Any]:
        endpoint = {"name": "status", "subject": subject, "queue_group": "", "metadata": {}}
        return self._who("info", alias) | {"description": "A sink of call records", "endpoints": [endpoint]}

    async def _stats(self, alias: str, subject: str) -> dict[str, Any]:
        endpoint = {"name": "status", "subject": subject, "queue_group": "", "num_requests": 0, "num_errors": 0}
        endpoint |= {"last_error": "", "processing_time": 0, "average_processing_time": 0}
        data = self._fields(await self._lag())
        return self._who("stats", alias) | {"started": self._started, "endpoints": [endpoint | {"data": data}]}

    def _who(self, verb: str, alias: str) -> dict[str, Any]:
        return {
            "type": f"io.nats.micro.v1.{verb}_response",
            "name": alias,
            "id": self._id,
            "version": __version__,
            "metadata": {},
        }

    async def _lag(self) -> ConsumerLag | None:
        try:
            return await self._consumer.lag()
        except BusError:
            return None

    def _fields(self, lag: ConsumerLag | None) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "mode": self.mode,
            "source": self._consumer.source.value,
            "lag": None if lag is None else lag.records,
            "held": self._delivery.pending,
            "records_per_second": round(self._rate, 1),
            **self._counters.as_fields(),
        }
        if lag is not None and self._consumer.source is RecordSource.RECORD_LOG:
            fields["percent_of_limits"] = round(100 * lag.limit_ratio)
        if self._counters.outage:
            fields |= {"outage": self._counters.outage, "outage_since": self._counters.outage_since}
        return fields


async def _say(words: Callable[[], Awaitable[dict[str, Any]]], message: BusMessage) -> None:
    await message.answer(rawjson.dumps(await words()))
