"""The stream of records, found or made on a real nats-server."""

import asyncio
import json

import pytest

from gecholog.bus import Bus, BusAddress
from gecholog.logs import Log
from gecholog.recordlog import Limits, RecordLogConfig, ask
from services.gl.record.delivery.stream import RecordStream, Storage, publish_error

SUBJECT = "coburn.gl.logger"


@pytest.fixture
async def connect():
    connections = []

    async def connected(server):
        bus = Bus(BusAddress.of(server.hostname, server.token), "test", Log("test"))
        connections.append((bus, asyncio.create_task(bus.run())))
        await bus.opened()
        return bus

    yield connected
    for bus, task in connections:
        await bus.close()
        await task


async def ballast(bus, mib):
    await ask(bus, "STREAM.CREATE.B", {"name": "B", "subjects": ["x"], "storage": "file", "max_bytes": mib << 20})


async def test_ready(nats_server, connect):
    """It is made if it is not there."""
    bus, stream = await connect(nats_server), RecordStream()
    await stream.prepare(bus, SUBJECT, RecordLogConfig())
    assert (stream.storage, stream.responds, stream.vanished) == (Storage.READY, True, False)


async def test_no_jetstream(plain_nats_server, connect):
    """Records are published nevertheless."""
    bus, stream = await connect(plain_nats_server), RecordStream()
    await stream.prepare(bus, SUBJECT, RecordLogConfig())
    assert (stream.storage, stream.is_durable) == (Storage.PLAIN, False)


async def test_no_room_at_all(nats_server, connect, caplog):
    """Records are published plainly, once, and that is said once."""
    bus, stream = await connect(nats_server), RecordStream()
    await ballast(bus, 1020)
    for _ in range(2):
        await stream.prepare(bus, SUBJECT, RecordLogConfig())
    assert (stream.storage, stream.is_durable, stream.vanished) == (Storage.PLAIN, False, False)
    assert caplog.text.count("no space for a record stream") == 1


async def test_less_room_than_configured(nats_server, connect, caplog):
    """A smaller stream is better than none, and that is said."""
    bus, stream = await connect(nats_server), RecordStream()
    await ballast(bus, 900)
    await stream.prepare(bus, SUBJECT, RecordLogConfig(limits=Limits(max_bytes=1 << 40)))
    assert stream.storage is Storage.READY
    assert "not enough disk space for the record stream" in caplog.text


async def test_jetstream_that_went_away(nats_server, plain_nats_server, connect):
    """Records wait for a stream that was there. On the same connection it has vanished; on a new one it is missing."""
    with_it, without, stream = await connect(nats_server), await connect(plain_nats_server), RecordStream()
    await stream.prepare(with_it, SUBJECT, RecordLogConfig())
    await stream.prepare(without, SUBJECT, RecordLogConfig())
    assert (stream.storage, stream.vanished) == (Storage.MISSING, True)
    stream.connected()
    assert (stream.is_missing, stream.vanished) == (True, False)
    await stream.prepare(with_it, SUBJECT, RecordLogConfig())
    assert stream.storage is Storage.READY


async def test_no_answer():
    """Until there is one, what was true before is taken to be true."""

    class Stranger:
        async def request(self, subject, data, timeout):  # noqa: ASYNC109 - the bus's own
            return b"?"

    stream = RecordStream()
    await stream.prepare(Stranger(), SUBJECT, RecordLogConfig())
    assert (stream.storage, stream.is_durable, stream.responds) == (Storage.UNKNOWN, True, False)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"stream": "GECHOLOG", "seq": 1}, None),
        ({"stream": "GECHOLOG", "error": {"code": 429, "description": "too many requests"}}, "too many requests"),
        ({"stream": "GECHOLOG", "error": "?"}, "no reason given"),
        ({"seq": 1}, "not the record log's"),
        ([], "not the record log's"),
    ],
)
def test_refusal(answer, said):
    """Only a stream that says so has the record."""
    found = publish_error(json.dumps(answer).encode())
    assert found is None if said is None else said in str(found)
