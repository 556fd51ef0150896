"""A client of a bus that asks one processor, as gl does."""

import asyncio
import json
from contextlib import asynccontextmanager

from gecholog.bus import Bus, BusAddress
from gecholog.errors import NoAnswer
from gecholog.logs import Log


class Asking:
    """Asks on a bus. `SUBJECT` is where the processor listens, unless a test says otherwise."""

    SUBJECT = ""

    def __init__(self, bus):
        self.bus = bus

    async def send(self, message, subject=None):
        """The answer to the bytes of a message. Asks again while nobody listens."""
        async with asyncio.timeout(30):
            while True:
                try:
                    return await self.bus.request(subject or self.SUBJECT, message, 5)
                except NoAnswer:
                    await asyncio.sleep(0.02)

    async def ask(self, fields, **more):
        """The answer to a message, as a value."""
        return json.loads(await self.send(json.dumps(fields).encode(), **more))


@asynccontextmanager
async def asking(kind, server):
    """A client of this kind, connected to a bus."""
    bus = Bus(BusAddress.of(server.hostname, server.token), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await bus.opened()
    yield kind(bus)
    await bus.close()
    await running
