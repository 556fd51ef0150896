"""The calls as they happen: subscribes to the records that gl publishes on the bus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog.bus import Bus, BusMessage
from gecholog.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.ginit.terminal.gateway_summary import GatewaySummary

log = Log("terminal")

_CONNECT_TIMEOUT_S = 2.0  # until `on_ready` at most


async def follow(gateway: GatewaySummary, on_record: Callable[[bytes], None], on_ready: Callable[[], None]) -> None:
    """Call `on_ready` once subscribed, and `on_record` with each record from then on. Runs until it is cancelled.

    If the bus cannot be reached within two seconds, `on_ready` is called, and connecting goes on. Raises BusRefused,
    after `on_ready`, if the bus rejects the credentials or the certificates.
    """
    bus = Bus(gateway.bus, "terminal", log)

    async def take(message: BusMessage) -> None:
        on_record(message.data)

    await bus.subscribe(gateway.subject, take)
    running = asyncio.create_task(bus.run(), name="bus of the terminal")
    opened = asyncio.create_task(bus.opened(), name="bus of the terminal opened")
    try:
        await asyncio.wait({running, opened}, timeout=_CONNECT_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        on_ready()
        await running
    finally:
        for task in (running, opened):
            task.cancel()
        await asyncio.gather(running, opened, return_exceptions=True)
        await bus.close()
