"""What a sink says about itself: one line in the log a minute, and an answer on the bus whenever somebody asks."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.errors import BusError
from gecholog.logs import Log
from services.nats2log.consume import Source

if TYPE_CHECKING:
    from gecholog.bus import Message
    from services.nats2log.backlog import Backlog
    from services.nats2log.consume import Consumer
    from services.nats2log.deliver import Delivery
    from services.nats2log.meter import Meter

log = Log("status")

_EVERY = 60.0  # seconds
_NEAR_THE_LIMIT = 0.8


class Status:
    """Looks at consumer, delivery and meter; changes nothing but the meter's minute."""

    def __init__(self, mode: str, consumer: Consumer, delivery: Delivery, meter: Meter) -> None:
        self.mode = mode
        self._consumer = consumer
        self._delivery = delivery
        self._meter = meter
        self._since = time.monotonic()
        self._rate = 0.0

    async def run(self) -> None:
        """Say every minute how things are."""
        while True:
            await asyncio.sleep(_EVERY)
            await self.minute()

    async def minute(self) -> None:
        """The minute's line, and an error if records are near to being dropped unwritten."""
        now = time.monotonic()
        self._rate = self._meter.since_last() / max(now - self._since, 0.001)
        self._since = now
        backlog = await self._backlog()
        log.info("status", **self._fields(backlog))
        if backlog is not None and backlog.share >= _NEAR_THE_LIMIT:
            log.error(
                "record stream is about to drop undelivered records, fix the sink or raise the limits",
                lag=backlog.records,
                percent_of_limits=round(100 * backlog.share),
            )

    async def answer(self, message: Message) -> None:
        """Answer a status request."""
        await message.answer(rawjson.dumps(self._fields(await self._backlog())))

    async def _backlog(self) -> Backlog | None:
        try:
            return await self._consumer.backlog()
        except BusError:
            return None

    def _fields(self, backlog: Backlog | None) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "mode": self.mode,
            "source": self._consumer.source.value,
            "lag": None if backlog is None else backlog.records,
            "held": self._delivery.held,
            "records_per_second": round(self._rate, 1),
            **self._meter.counts(),
        }
        if backlog is not None and self._consumer.source is Source.RECORD_LOG:
            fields["percent_of_limits"] = round(100 * backlog.share)
        if self._meter.outage:
            fields |= {"outage": self._meter.outage, "outage_since": self._meter.outage_since}
        return fields
