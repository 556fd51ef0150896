"""The broker's place on one bus: the connection, the subject on which it answers, and its tie to other replicas."""

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
from processors.broker.board import Board
from processors.broker.broker import Broker
from processors.broker.config import Place
from processors.broker.shared import Shared

log = Log("broker")

_NO_BUCKET = "none"  # it is never looked for
_SETTLED_WITHIN = 5.0  # seconds; then calls are answered by what is known
_FINISHED_WITHIN = 5.0  # seconds for messages that have come


class Connection:
    """One bus and subject. It begins once and is closed once."""

    def __init__(self, place: Place, alias: str, board: Board, broker: Broker) -> None:
        self._place = place
        self.bus = Bus(place.bus, alias, log)
        self._shared = Shared(KeyValue(self.bus, place.bucket or _NO_BUCKET), board, now)
        self._broker = broker
        self._attachment: Attachment | None = None
        self._sharing: asyncio.Task[None] | None = None

    async def begin(self, owner: TaskOwner) -> None:
        """Begin to answer. The bus is connected."""
        if self._place.bucket:
            await self._share(owner)
        self._attachment = await attach(self.bus, self._place.topic, self._answer, concurrency=1)
        await Presence("broker", __version__, "Balances calls across routers.", self._attachment).begin(self.bus)
        with contextlib.suppress(BusAway):  # lost just now: the next connection subscribes
            await self.bus.flush()

    async def close(self) -> None:
        """Answer what has come, and leave the bus."""
        if self._attachment is not None:
            await self._attachment.finish(_FINISHED_WITHIN)
        if self._sharing is not None:
            await _ended(self._sharing)
        await self.bus.close()

    async def _share(self, owner: TaskOwner) -> None:
        """Begin with what the others know, if that is to be had soon."""
        self.bus.on_connect(self._shared.connected)
        self._sharing = owner.spawn(self._shared.run(), "shared")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLED_WITHIN):
                await self._shared.settled.wait()

    async def _answer(self, data: bytes) -> bytes:
        return await self._broker.answer(data, self._shared)


async def _ended(task: asyncio.Task[None]) -> None:
    """End a task; raises what it failed with."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
