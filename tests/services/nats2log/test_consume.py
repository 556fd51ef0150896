"""Record sources, on real nats-servers."""

import asyncio
import json

import pytest

from gecholog import wire
from gecholog.bus import BusAddress
from gecholog.recordlog import STREAM, Limits, RecordLogConfig, ask, ensure
from services.nats2log.buffer import Buffer
from services.nats2log.config import SourceConfig
from services.nats2log.consume import Consumer, RecordSource, consumer_name
from services.nats2log.counters import SinkCounters
from services.nats2log.deadletter import DeadLetterFile
from services.nats2log.deliver import DeliveryContext
from tests.services.nats2log.conftest import SUBJECT
from tests.support.waiting import eventually

SOURCE = SourceConfig(BusAddress.of("localhost"), "coburn.gl.nats2file", SUBJECT, "all")


class Harness:
    """A consumer with its buffer, which only the test reads."""

    def __init__(self, bus, folder, **fields):
        self.context = DeliveryContext(Buffer(), DeadLetterFile(folder, "sink"), SinkCounters())
        values = {"address": SOURCE.address, "topic": SOURCE.topic, "subject": SUBJECT, "deliver": "all"}
        self.consumer = Consumer(bus, SourceConfig(**values | fields), "sink", self.context)
        self.task = None

    async def start(self):
        await self.consumer.begin()
        self.task = asyncio.create_task(self.consumer.run())
        await self.consumer.wait_attached()
        return self

    async def came(self, count):
        await eventually(lambda: len(self.context.buffer) >= count, f"{count} entries")
        return self.context.buffer.take_now(100_000, 1 << 40)

    async def stop(self):
        if self.task is not None:
            self.consumer.stop()
            await self.task


@pytest.fixture
async def harness(tmp_path):
    context = []

    async def make(bus, **fields):
        context.append(Harness(bus, tmp_path, **fields))
        return await context[-1].start()

    yield make
    for each in context:
        await each.stop()


async def test_identity(harness, bus, stream):
    """The id of the message is the record's. Without one, it is made of the position in the stream."""
    at = await harness(bus)
    await stream.add(b"1")
    await bus.publish(SUBJECT, b"2")
    first, second = await at.came(2)
    assert first.id == "id-0"
    assert second.id.startswith(f"{STREAM}-2-")
    assert at.consumer.source is RecordSource.RECORD_LOG


async def test_more_than_one_request(harness, bus, stream):
    """The next request is sent when there is space."""
    at = await harness(bus)
    await stream.add(*(str(number).encode() for number in range(3500)))
    seen = []
    while len(seen) < 3500:
        entries = await at.came(1)
        seen += [int(entry.data) for entry in entries]
        await at.consumer.ack(entries)
    assert seen == list(range(3500))
    await stream.all_acknowledged("sink")


async def test_given_back(harness, bus, stream):
    """A nacked record is redelivered at once, and is counted."""
    at = await harness(bus)
    await stream.add(b"1")
    (entry,) = await at.came(1)
    await at.consumer.nack([entry])
    (again,) = await at.came(1)
    assert (again.key, again.id) == (entry.key, entry.id)
    assert at.context.counters.redelivered == 1


async def test_large_records(harness, bus, stream):
    """Messages can be as large as the bus accepts."""
    at = await harness(bus)
    large = b"x" * (bus.max_payload - 1000)
    await stream.add(large, large, large)
    seen = 0
    while seen < 3:
        entries = await at.came(1)
        seen += len(entries)
        await at.consumer.ack(entries)
    await stream.all_acknowledged("sink")


async def test_dropped_records_are_counted(harness, bus, stream, connect, nats_server):
    """Records that the stream's limits dropped while no sink was running are counted."""
    first_bus = await connect(nats_server)
    at = await harness(first_bus, record_log=RecordLogConfig(limits=Limits(max_bytes=100_000)))
    await stream.add(b"first")
    await at.consumer.ack(await at.came(1))
    await stream.all_acknowledged("sink")
    await at.stop()
    await first_bus.close()
    await stream.nobody_waits("sink")
    await stream.add(*(b"x" * 10_000 for _ in range(40)), first_id=1)
    late = await harness(bus)
    state = (await ask(bus, f"STREAM.INFO.{STREAM}"))["state"]
    await late.came(state["messages"])
    assert late.context.counters.dropped == state["first_seq"] - 2 > 0


async def test_share_of_the_limits(harness, bus, stream):
    """A backlog close to the stream's limits is detected."""
    at = await harness(bus, record_log=RecordLogConfig(limits=Limits(max_bytes=100_000)))
    await stream.add(*(b"x" * 10_000 for _ in range(9)))
    await at.came(9)
    lag = await at.consumer.lag()
    assert lag.records == 9
    assert lag.limit_ratio > 0.8


async def test_plain_without_jetstream(harness, plain_bus):
    """A subscription: its records cannot be acknowledged, and keep their ids."""
    at = await harness(plain_bus)
    assert at.consumer.source is RecordSource.SUBSCRIPTION
    await plain_bus.publish(SUBJECT, b"1", wire.encoded({"Nats-Msg-Id": "id-1"}))
    (entry,) = await at.came(1)
    assert (entry.data, entry.id, entry.durable) == (b"1", "id-1", False)
    assert (await at.consumer.lag()).records == 0


async def test_plain_overflow(harness, plain_bus, tmp_path):
    """A record for which there is no space is a dead letter."""
    at = await harness(plain_bus)
    record = json.dumps({"text": "x" * 1_000_000}).encode()
    for _ in range(80):
        await plain_bus.publish(SUBJECT, record)
        await plain_bus.flush()
    await eventually(lambda: len(at.context.buffer) + at.context.counters.dead_letters == 80)
    assert 60 < len(at.context.buffer) < 80
    assert at.context.dead_letter_file.path.read_bytes().count(b"\n") == at.context.counters.dead_letters


async def test_refused_by_jetstream(harness, bus):
    """If there is no space for any stream, a plain subscription delivers the records."""
    ballast = {"name": "BALLAST", "subjects": ["x"], "storage": "file", "max_bytes": 1020 << 20}
    await ask(bus, "STREAM.CREATE.BALLAST", ballast)
    at = await harness(bus, record_log=RecordLogConfig(limits=Limits(max_bytes=1 << 50)))
    assert at.consumer.source is RecordSource.SUBSCRIPTION
    await bus.publish(SUBJECT, b"1")
    assert (await at.came(1))[0].data == b"1"


async def test_less_room_than_configured(harness, bus):
    """If only a smaller stream is possible, it is used, as gl does. Records come from it, once."""
    at = await harness(bus, record_log=RecordLogConfig(limits=Limits(max_bytes=1 << 50)))
    assert at.consumer.source is RecordSource.RECORD_LOG
    await bus.publish(SUBJECT, b"1")
    assert [entry.data for entry in await at.came(1)] == [b"1"]


async def test_jetstream_comes_later(nats_server, connect, harness):
    """A bus that has JetStream after a restart: the record stream is used from then on."""
    nats_server.stop()
    nats_server._jetstream = False
    nats_server.start()
    bus = await connect(nats_server)
    at = await harness(bus)
    assert at.consumer.source is RecordSource.SUBSCRIPTION
    await asyncio.to_thread(nats_server.stop)
    nats_server._jetstream = True
    await asyncio.to_thread(nats_server.start)
    await eventually(lambda: at.consumer.source is RecordSource.RECORD_LOG)
    await bus.publish(SUBJECT, b"1")
    (entry,) = await at.came(1)
    assert entry.durable
    await asyncio.sleep(0)
    assert len(at.context.buffer) == 0


async def test_another_subject_for_the_same_consumer(harness, bus, stream, connect, nats_server):
    """The consumer of an alias follows its logger topic."""
    first_bus = await connect(nats_server)
    await (await harness(first_bus)).stop()
    await first_bus.close()
    other = await harness(bus, subject="acme.records")
    await stream.add(b"1", subject="acme.records")
    assert (await other.came(1))[0].data == b"1"


async def test_consumer_deleted(harness, bus, stream):
    """If the consumer is deleted, a new one continues at the same position: nothing is missed or repeated."""
    await ensure(bus, SUBJECT)
    await stream.add(b"before")
    at = await harness(bus, deliver="new")
    await stream.add(b"1", b"2", first_id=1)
    first, second = await at.came(2)
    await at.consumer.ack([first])
    await ask(bus, f"CONSUMER.DELETE.{STREAM}.sink")
    await stream.add(b"3", first_id=3)
    (third,) = await at.came(1)
    assert third.data == b"3"
    await at.consumer.ack([second, third])
    await stream.all_acknowledged("sink")


async def test_made_by_whoever_comes_first(harness, bus, stream):
    """A stream that gl created is used unchanged."""
    await ensure(bus, SUBJECT, RecordLogConfig(limits=Limits(max_bytes=1 << 20)))
    at = await harness(bus)
    await stream.add(b"1")
    assert (await at.came(1))[0].data == b"1"


@pytest.mark.parametrize(("alias", "name"), [("nats2file", "nats2file"), ("a.b c*>", "a_b_c__"), ("ü-1", "_-1")])
def test_durable_name(alias, name):
    """Letters, digits, - and _ are kept."""
    assert consumer_name(alias) == name
