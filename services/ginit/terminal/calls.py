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

_CONNECT_TIMEOUT_S = 2.0  # until `on_ready` at most


async def follow(gateway: GatewaySummary, on_record: Callable[[bytes], None], on_ready: Callable[[], None]) -> None:
    """Call `on_ready` once subscribed, and `on_record` with each record from then on. Runs until it is cancelled.

    If the bus cannot be reached within two seconds, `on_ready` is called, and connecting goes on. Raises BusRefused if
    the bus rejects the token.
    """
    bus = Bus(gateway.bus, "terminal", log)

    async def take(message: BusMessage) -> None:
        on_record(message.data)

    await bus.subscribe(gateway.subject, take)
    running = asyncio.create_task(bus.run(), name="bus of the terminal")
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bus.opened(), _CONNECT_TIMEOUT_S)
        on_ready()
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await bus.close()
