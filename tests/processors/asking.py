"""A client that calls one processor on the bus, as gl does."""

import asyncio
import json
from contextlib import asynccontextmanager

from gecholog.bus import Bus, BusAddress
from gecholog.errors import NoAnswer
from gecholog.logs import Log


class Asking:
    """Sends requests on a bus. `SUBJECT` is where the processor listens, unless a test sets another."""

    SUBJECT = ""

    def __init__(self, bus):
        self.bus = bus

    async def send(self, message, subject=None):
        """Return the reply to the bytes of a message. Retries while there is no subscriber."""
        async with asyncio.timeout(30):
            while True:
                try:
                    return await self.bus.request(subject or self.SUBJECT, message, 5)
                except NoAnswer:
                    await asyncio.sleep(0.02)

    async def ask(self, fields, **more):
        """Return the reply to a message, decoded."""
        return json.loads(await self.send(json.dumps(fields).encode(), **more))


@asynccontextmanager
async def asking(kind, server):
    """Return a client of class `kind`, connected to a bus."""
    bus = Bus(BusAddress.of(server.hostname, server.token), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await bus.opened()
    yield kind(bus)
    await bus.close()
    await running
