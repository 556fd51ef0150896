"""Calls are shown as they happen: with a real nats-server."""

import asyncio

import nats
import pytest

from gecholog.bus_address import BusAddress
from gecholog.errors import BusRefused
from services.ginit.terminal.calls import follow
from services.ginit.terminal.gateway_summary import GatewaySummary
from tests.support.waiting import eventually

SUBJECT = "coburn.gl.logger"


class Terminal:
    """Follows the calls, and keeps the records."""

    def __init__(self, address):
        self.records = []
        self.ready = asyncio.Event()
        gateway = GatewaySummary(address, SUBJECT, ())
        self.task = asyncio.create_task(follow(gateway, self.records.append, self.ready.set))

    async def close(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def follow_calls():
    terminals = []

    def start(hostname, token):
        terminals.append(Terminal(BusAddress.of(hostname, token)))
        return terminals[-1]

    yield start
    for terminal in terminals:
        await terminal.close()


async def publish(server, *records, subject=SUBJECT):
    client = await nats.connect(server.hostname, token=server.token)
    for record in records:
        await client.publish(subject, record)
    await client.flush()
    await client.close()


async def test_records_from_the_moment_that_it_is_ready(plain_nats_server, follow_calls):
    """In order, and those of no other subject."""
    terminal = follow_calls(plain_nats_server.hostname, plain_nats_server.token)
    await terminal.ready.wait()
    await publish(plain_nats_server, b"other", subject=f"{SUBJECT}.other")
    await publish(plain_nats_server, b"one", b"two")
    await eventually(lambda: len(terminal.records) == 2)
    assert [bytes(record) for record in terminal.records] == [b"one", b"two"]


async def test_bus_that_is_not_there_yet(plain_nats_server, follow_calls):
    """The user is not kept waiting for long; the calls are shown when it is there."""
    plain_nats_server.stop()
    terminal = follow_calls(plain_nats_server.hostname, plain_nats_server.token)
    await terminal.ready.wait()
    plain_nats_server.start()

    async def published():
        while not terminal.records:
            await publish(plain_nats_server, b"one")

    await asyncio.wait_for(published(), 30)
    assert bytes(terminal.records[0]) == b"one"


async def test_token_that_is_rejected(plain_nats_server, follow_calls):
    """That will not change by waiting."""
    terminal = follow_calls(plain_nats_server.hostname, "another")
    with pytest.raises(BusRefused):
        await terminal.task
