"""The calls as they happen: subscribes to the records that gl publishes on the bus."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from gecholog.bus import Bus, BusMessage
from gecholog.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.ginit.terminal.gateway_summary import GatewaySummary

log = Log("terminal")

_CONNECT_TIMEOUT = 2.0  # seconds until `ready` at most


async def follow(gateway: GatewaySummary, seen: Callable[[bytes], None], ready: Callable[[], None]) -> None:
    """Call `ready` once subscribed, and `seen` with each record from then on. Runs until it is cancelled.

    If the bus is not reached in two seconds, `ready` is called and the connection still awaited. Raises BusRefused if
    the bus rejects the token.
    """
    bus = Bus(gateway.bus, "terminal", log)

    async def take(message: BusMessage) -> None:
        seen(message.data)

    await bus.subscribe(gateway.subject, take)
    running = asyncio.create_task(bus.run(), name="bus of the terminal")
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bus.opened(), _CONNECT_TIMEOUT)
        ready()
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await bus.close()
