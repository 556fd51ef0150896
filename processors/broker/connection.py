"""The broker's connection to one bus: the subject that it answers on, and the replication of health."""

from __future__ import annotations

import asyncio
import contextlib

from gecholog import __version__
from gecholog.attachment import Attachment, attach
from gecholog.bus import Bus
from gecholog.errors import BusAway
from gecholog.keyvalue import KeyValue
from gecholog.logs import Log
from gecholog.presence import Presence
from gecholog.task_owner import TaskOwner
from gecholog.timer import now
from processors.broker.broker import Broker
from processors.broker.config import BusLocation
from processors.broker.health_table import HealthTable
from processors.broker.replication import HealthReplicator

log = Log("broker")

_NO_BUCKET = "none"  # it is never opened
_READY_TIMEOUT_S = 5.0  # then calls are answered with what is known
_DRAIN_TIMEOUT_S = 5.0  # for messages that have arrived


class Connection:
    """One bus and subject. `begin` and `close` are called once each."""

    def __init__(self, location: BusLocation, alias: str, table: HealthTable, broker: Broker) -> None:
        self._location = location
        self.bus = Bus(location.bus, alias, log)
        bucket = KeyValue(self.bus, location.bucket or _NO_BUCKET, replicas=location.replicas)
        self._replicator = HealthReplicator(bucket, table, now)
        self._broker = broker
        self._attachment: Attachment | None = None
        self._replication: asyncio.Task[None] | None = None

    async def begin(self, owner: TaskOwner) -> None:
        """Start to answer. The bus must be connected."""
        if self._location.bucket:
            await self._replicate(owner)
        self._attachment = await attach(self.bus, self._location.topic, self._answer, concurrency=1)
        await Presence("broker", __version__, "Balances calls across routers.", self._attachment).begin(self.bus)
        with contextlib.suppress(BusAway):  # just disconnected: the subscription is made with the next connection
            await self.bus.flush()

    async def close(self) -> None:
        """Answer the messages that have arrived, and disconnect."""
        if self._attachment is not None:
            await self._attachment.finish(_DRAIN_TIMEOUT_S)
        if self._replication is not None:
            await _cancel(self._replication)
        await self.bus.close()

    async def _replicate(self, owner: TaskOwner) -> None:
        """Start replication, and wait a short time for the state of the others."""
        self.bus.on_connect(self._replicator.connected)
        self._replication = owner.spawn(self._replicator.run(), "replication")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_TIMEOUT_S):
                await self._replicator.ready.wait()

    async def _answer(self, data: bytes) -> bytes:
        return await self._broker.answer(data, self._replicator)


async def _cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task. Raises the error that it failed with."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
