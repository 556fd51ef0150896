"""tokencounter as a program: the wiring between the bus and the counting."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

from gecholog import processor
from gecholog.bus import Bus
from gecholog.cli import Program, main
from gecholog.errors import BusAway
from gecholog.logs import Log
from gecholog.service import Life
from processors.tokencounter import usage
from processors.tokencounter.config import Config, blueprint, build
from processors.tokencounter.counters import Counters

log = Log("tokencounter")

_NEW_BUS_TIMEOUT = 5.0  # seconds in which a bus that a reload names has to be reached


class Tokencounter:
    """The service. Config and counters are swapped together, between two messages."""

    def __init__(self, config: Config, alias: str) -> None:
        self._config = config
        self._alias = alias
        self._counters = Counters(config.caps, config.period, time.monotonic())
        self._bus: Bus | None = None
        self._life = Life()

    async def start(self, life: Life) -> None:
        self._life = life
        self._bus = await self._attached(self._config)
        life.spawn(self._bus.run(), "bus")
        await self._bus.opened()

    async def reload(self, config: Config) -> None:
        """A new bus or topic is listened on before the old one is left. Raises BusAway, BusRefused."""
        old = self._bus
        moves = (config.bus, config.topic) != (self._config.bus, self._config.topic)
        if moves:
            self._bus = await self._moved(config)
        self._counters = self._counters.under(config.caps, config.period, time.monotonic())
        self._config = config
        if moves and old is not None:
            await old.close()

    async def stop(self) -> None:
        if self._bus is not None:
            await self._bus.close()

    async def _attached(self, config: Config) -> Bus:
        bus = Bus(config.bus, self._alias, log)
        await processor.attach(bus, config.topic, self._answer, concurrency=1)
        return bus

    async def _moved(self, config: Config) -> Bus:
        """A bus that is connected; what goes wrong with it before that does not harm the service."""
        bus = await self._attached(config)
        running = asyncio.create_task(bus.run(), name="bus")
        opened = asyncio.create_task(bus.opened(), name="bus opened")
        await asyncio.wait({running, opened}, timeout=_NEW_BUS_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            await _ended(opened)
            await _ended(running)
            raise BusAway(f"the bus at {config.bus.hostname} is not reached")
        self._life.spawn(_until_done(running), "bus")
        return bus

    async def _answer(self, message: bytes) -> bytes:
        return usage.answer(message, self._config.patterns, self._counters, time.monotonic())


async def _ended(task: asyncio.Task[None]) -> None:
    """End a task; raises what it failed with."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _until_done(task: asyncio.Task[None]) -> None:
    await task


PROGRAM = Program("tokencounter", "Counts tokens, and holds routers to their caps.", blueprint, build, Tokencounter)

if __name__ == "__main__":
    sys.exit(main(PROGRAM))
