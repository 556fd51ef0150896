"""The token counter as a process, and a client of its bus."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from hypothesis import settings

from gecholog.bus import Bus, BusAddress
from gecholog.errors import NoAnswer
from gecholog.logs import Log
from tests.support.nats_server import NatsServer

# a loaded machine makes single examples late: no reason to fail
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def config(nats_server):
    """A config with a cap of 100 on `/capped/`."""
    return {
        "version": "1.0.1",
        "log_level": "INFO",
        "service_bus": {"hostname": nats_server.hostname, "topic": "coburn.gl.tokencounter", "token": "${NATS_TOKEN}"},
        "cap_period_seconds": 3600,
        "token_caps": [{"router": "/capped/", "fields": [{"field": "total", "value": 100}]}],
        "usage_fields": [
            {"router": "default", "patterns": [{"field": "total", "pattern": "inbound_payload.usage.total_tokens"}]}
        ],
    }


@pytest.fixture
def start(run_service, nats_server):
    """Start a token counter, and wait until it listens."""

    def begin(values, alias="tokencounter"):
        env = {"NATS_TOKEN": nats_server.token}
        process = run_service("processors.tokencounter", values, alias=alias, env=env)
        process.wait_for_log("listening for messages")
        return process

    return begin


@pytest.fixture
def reload(tmp_path):
    """Give a token counter a new config, and wait for the message that it answers with."""

    def give(process, values, message):
        text = values if isinstance(values, str) else json.dumps(values)
        (tmp_path / f"{process.alias}_config.json").write_text(text)
        process.hang_up()
        process.wait_for_log(message)

    return give


@pytest.fixture
def second_nats_server(tmp_path):
    """Another bus, with the same token."""
    server = NatsServer(tmp_path / "second_nats", jetstream=False)
    server.start()
    yield server
    server.kill()


class Client:
    """Asks on a bus."""

    def __init__(self, bus):
        self.bus = bus

    async def send(self, message, subject="coburn.gl.tokencounter"):
        """The answer to the bytes of a message. Asks again while nobody listens."""
        async with asyncio.timeout(30):
            while True:
                try:
                    return await self.bus.request(subject, message, 5)
                except NoAnswer:
                    await asyncio.sleep(0.02)

    async def ask(self, fields, **more):
        """The answer to a message, as a value."""
        return json.loads(await self.send(json.dumps(fields).encode(), **more))

    async def tell(self, message, subject="coburn.gl.tokencounter"):
        """Send a message that wants no answer."""
        await self.bus.publish(subject, message)


@pytest.fixture
def client():
    """Connect to a bus: `async with client(nats_server) as asking`."""

    @asynccontextmanager
    async def connect(server):
        bus = Bus(BusAddress(server.hostname, server.token), "test", Log("test"))
        running = asyncio.create_task(bus.run())
        await bus.opened()
        yield Client(bus)
        await bus.close()
        await running

    return connect
