"""One connection from the bus to the target: consumer, delivery and status at work on it.

A line lives as long as the address of the bus and the subject stay the same; the sink behind it may change.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog.bus import Bus
from gecholog.logs import Log
from services.nats2log.buffer import Buffer
from services.nats2log.consume import Consumer
from services.nats2log.deliver import Delivery, DeliveryContext, DeliveryPolicy
from services.nats2log.status import Status

if TYPE_CHECKING:
    from gecholog.task_owner import TaskOwner
    from services.nats2log.config import Config, Listening
    from services.nats2log.deadletter import DeadLetterFile
    from services.nats2log.meter import Meter
    from services.nats2log.sinks.sink import Sink

log = Log("pipeline")

# supervisord waits a little under five seconds before it kills: the batch in hand has most of them
_BATCH_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class SharedState:
    """What outlives a line."""

    dead: DeadLetterFile
    meter: Meter


class SinkPipeline:
    """Carries entries from one subject to one sink."""

    def __init__(self, config: Config, alias: str, sink: Sink, shared: SharedState) -> None:
        context = DeliveryContext(Buffer(), shared.dead, shared.meter)
        self.listening: Listening = config.listening
        self._alias = alias
        self.bus = Bus(config.listening.address, alias, log)
        self.bus.on_connect(self._announce)
        self._consumer = Consumer(self.bus, config.listening, alias, context)
        self._delivery = Delivery(sink, delivery_policy(config), self._consumer, context)
        self._status = Status(config.mode, self._consumer, self._delivery, shared.meter)
        self._work: list[asyncio.Task[None]] = []

    async def begin(self, owner: TaskOwner) -> None:
        """Take records from now on; returns when it is known where they come from. The bus is connected."""
        await self._consumer.begin()
        await self.bus.subscribe(f"{self.listening.topic}.status", self._status.answer)
        self._work = [
            owner.spawn(self._consumer.run(), "consumer"),
            owner.spawn(self._delivery.run(), "delivery"),
            owner.spawn(self._status.run(), "status"),
        ]
        await self._consumer.decided()

    def swap(self, config: Config, sink: Sink) -> None:
        """Write to another sink from the next batch on."""
        self._status.mode = config.mode
        self._delivery.swap(sink, delivery_policy(config))

    async def end(self) -> None:
        """Finish the batch in hand, give back what is not written, leave the bus."""
        self._consumer.stop()
        self._delivery.stop()
        if self._work:
            await asyncio.wait(self._work[:2], timeout=_BATCH_TIMEOUT_S)
        for task in self._work:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        await self._delivery.leave()
        await self.bus.close()

    async def _announce(self, bus: Bus) -> None:
        text = f"{self._alias} connected, listening on {self.listening.subject}"
        await bus.publish(self.listening.topic, text.encode())


def delivery_policy(config: Config) -> DeliveryPolicy:
    """How a config wants records to be offered."""
    return DeliveryPolicy(config.retry_policy, config.shape)
