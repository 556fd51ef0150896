"""The pipeline from the bus to a sink: consumer, delivery and status.

It is replaced when the address of the bus or the subject changes. A change of the sink alone keeps it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog.bus import Bus
from gecholog.errors import BusError
from gecholog.logs import Log
from services.nats2log.buffer import Buffer
from services.nats2log.consume import Consumer
from services.nats2log.deliver import Delivery, DeliveryContext, DeliveryPolicy
from services.nats2log.status import StatusReporter

if TYPE_CHECKING:
    from gecholog.task_owner import TaskOwner
    from services.nats2log.config import Config, SourceConfig
    from services.nats2log.counters import SinkCounters
    from services.nats2log.deadletter import DeadLetterFile
    from services.nats2log.sinks.sink import Sink

log = Log("pipeline")

# supervisord kills after a little less than five seconds. The batch in flight may use most of them.
_BATCH_TIMEOUT_S = 3.0
_TWIN_TIMEOUT_S = 0.5


@dataclass(frozen=True, slots=True)
class SharedState:
    """State that outlives a pipeline."""

    dead_letter_file: DeadLetterFile
    counters: SinkCounters


class SinkPipeline:
    """Reads records from one subject and writes them to one sink."""

    def __init__(self, config: Config, alias: str, sink: Sink, shared: SharedState) -> None:
        context = DeliveryContext(Buffer(), shared.dead_letter_file, shared.counters)
        self.source_config: SourceConfig = config.source
        self._alias = alias
        self.bus = Bus(config.source.address, alias, log)
        self.bus.on_connect(self._announce)
        self._consumer = Consumer(self.bus, config.source, alias, context)
        self._delivery = Delivery(sink, delivery_policy(config), self._consumer, context)
        self._status = StatusReporter(config.mode, self._consumer, self._delivery, shared.counters)
        self._work: list[asyncio.Task[None]] = []

    async def begin(self, owner: TaskOwner) -> None:
        """Start consuming. Returns once the source of records is attached. The bus must be connected."""
        await self._consumer.begin()
        await self._warn_of_twin()
        await self._status.begin(self.bus, self.source_config.topic, self._alias)
        self._work = [
            owner.spawn(self._consumer.run(), "consumer"),
            owner.spawn(self._delivery.run(), "delivery"),
            owner.spawn(self._status.run(), "status"),
        ]
        await self._consumer.wait_attached()

    def swap(self, config: Config, sink: Sink) -> None:
        """Switch to another sink for the next batch."""
        self._status.mode = config.mode
        self._delivery.swap(sink, delivery_policy(config))

    async def end(self) -> None:
        """Finish the batch in flight, nack what is not written, and disconnect from the bus."""
        self._consumer.stop()
        self._delivery.stop()
        if self._work:
            await asyncio.wait(self._work[:2], timeout=_BATCH_TIMEOUT_S)
        for task in self._work:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        await self._delivery.drain()
        await self.bus.close()

    async def _warn_of_twin(self) -> None:
        """Warn if another process has our alias: the two divide the records between them."""
        try:
            await self.bus.request(f"$SRV.PING.{self._alias}", b"", _TWIN_TIMEOUT_S)
        except BusError:
            return
        log.warning("another sink has the same alias, each gets a part of the records", alias=self._alias)

    async def _announce(self, bus: Bus) -> None:
        text = f"{self._alias} connected, listening on {self.source_config.subject}"
        await bus.publish(self.source_config.topic, text.encode())


def delivery_policy(config: Config) -> DeliveryPolicy:
    """Return the delivery policy of a config."""
    return DeliveryPolicy(config.retry_policy, config.shape)
