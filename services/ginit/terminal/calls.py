"""The calls as they happen: the records that gl publishes, seen on the bus by one more subscriber."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from gecholog.bus import Bus, BusAddress, Message
from gecholog.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.ginit.terminal.gateway import Gateway

log = Log("terminal")

_CONNECT_TIMEOUT = 2.0  # seconds that the first call is waited with


async def follow(gateway: Gateway, seen: Callable[[bytes], None], ready: Callable[[], None]) -> None:
    """Call `ready` once records can be seen, and `seen` with each from then on. Runs until it is cancelled.

    A bus that is away is waited for, after `ready`. Raises BusRefused: there will be nothing to see.
    """
    bus = Bus(BusAddress(gateway.hostname, gateway.token), "terminal", log)

    async def take(message: Message) -> None:
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
