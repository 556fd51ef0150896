"""Replicas that share their counts, on a real bus."""

import asyncio
import contextlib
import json

import pytest

from gecholog.bus import Bus, BusAddress
from gecholog.errors import BusError
from gecholog.keyvalue import KeyValue, NoKeyValue
from gecholog.logs import Log
from gecholog.quota.window import Window
from gecholog.replication import Naming, UsageReplicator
from processors.tokencounter.counters import Counters
from processors.tokencounter.replication import _MESSAGES, BUCKET, _SharedCounters, milliseconds, replicator_of
from tests.support.waiting import DEADLINE, eventually

TOPIC = "coburn.gl.tokencounter"
DOTTED = "/v1.0/.../my-model_2./"
CAPS = {"/capped/": {"total": 100}, "/other/": {"total": 100}, "/free/": {"total": 0}, DOTTED: {"total": 100}}
HOUR = 3_600_000
SOON = 20  # seconds: much less than the longest pause between attempts


class Replica:
    """Counters and their replicator."""

    def __init__(self, bus, name, topic, window):
        self.counters = Counters(CAPS, window)
        self.replicator = replicator_of(bus, topic, name, self.counters)
        self.bus = bus

    def add(self, tokens, router="/capped/"):
        self.counters.add(router, {"total": tokens}, milliseconds())
        self.replicator.notify()

    @property
    def exhausted(self):
        return self.counters.exhausted("/capped/", milliseconds())

    async def refuses(self):
        await eventually(lambda: self.exhausted, "an exhausted router")


@pytest.fixture
async def replica():
    """Start replicas: `await replica(server, "name")`. Each has a bus connection of its own."""
    started, buses = [], []

    async def start(server, name, *, topic=TOPIC, window=None):
        bus = Bus(BusAddress.of(server.hostname, server.token), name, Log("test"))
        buses.append((bus, asyncio.create_task(bus.run())))
        await bus.opened()
        made = Replica(bus, name, topic, window or Window(HOUR, milliseconds()))
        started.append(made)
        await made.replicator.ready(DEADLINE)
        return made

    yield start
    for made in started:
        await made.replicator.close()
    for bus, running in buses:
        await bus.close()
        await running


async def keys_of(replica):
    """Return the keys of the bucket."""
    found = []

    async def on_entry(entry):
        if entry.value is not None:
            found.append(entry.key)

    watch = await KeyValue(replica.bus, BUCKET).watch(on_entry)
    await watch.caught_up()
    await watch.close()
    return found


async def test_the_sum_counts(nats_server, replica):
    """The counts of all replicas are added, in each of them."""
    replicas = [await replica(nats_server, name) for name in ("one", "two", "three")]
    for each in replicas:
        each.add(33)
    replicas[0].add(1)
    for each in replicas:
        await each.refuses()


async def test_path_with_dots(nats_server, replica):
    """Dots separate parts of a key, so those of a router's path are escaped."""
    one, two = [await replica(nats_server, name) for name in ("one", "two")]
    for each in (one, two):
        each.add(50, DOTTED)
    for each in (one, two):
        await eventually(lambda each=each: each.counters.exhausted(DOTTED, milliseconds()), "an exhausted router")
    assert not one.exhausted


async def test_who_comes_later(nats_server, replica):
    """A new replica knows all counts before its first message."""
    one = await replica(nats_server, "one")
    one.add(100)
    await one.replicator.close()
    two = await replica(nats_server, "two")
    assert two.exhausted


async def test_the_period_goes_on(nats_server, replica):
    """All replicas have the first one's beginning of the period. Another length or topic has another."""
    one = await replica(nats_server, "one", window=Window(HOUR, 12_345))
    two = await replica(nats_server, "two", window=Window(HOUR, 67_890))
    three = await replica(nats_server, "three", window=Window(2 * HOUR, 67_890))
    four = await replica(nats_server, "four", window=Window(HOUR, 11), topic="another")
    beginnings = [each.counters.window.began for each in (one, two, three, four)]
    assert beginnings == [12_345, 12_345, 67_890, 11]


async def test_a_sliding_window(nats_server, replica):
    """A sliding window is shared too."""
    window = Window(HOUR, sliding=True)
    one = await replica(nats_server, "one", window=window)
    two = await replica(nats_server, "two", window=window)
    one.add(60)
    two.add(40)
    await one.refuses()
    await two.refuses()


async def test_only_what_is_capped(nats_server, replica):
    """A router without a cap is not shared."""
    one = await replica(nats_server, "one")
    one.add(5, "/free/")
    one.add(5)
    await one.replicator.close()
    assert sorted(await keys_of(one)) == [f"{TOPIC}./capped/.one", f"{TOPIC}.period.3600"]


async def test_another_topic(nats_server, replica):
    """Counters that another gateway calls on another topic are separate."""
    one = await replica(nats_server, "one", topic="coburn.gl")
    two = await replica(nats_server, "two")
    two.add(100)
    await two.replicator.close()
    one.add(1)
    await one.replicator.close()
    three = await replica(nats_server, "three", topic="coburn.gl")
    assert not one.exhausted
    assert not three.exhausted


async def test_many_calls_make_few_writes(nats_server, replica):
    """During a write the next one waits, and includes what was counted meanwhile."""
    one = await replica(nats_server, "one")
    for _ in range(50):
        one.add(1)
    await one.replicator.close()
    entry = await KeyValue(one.bus, BUCKET).get(f"{TOPIC}./capped/.one")
    written = json.loads(entry.value)
    assert [used for _, used in written["uses"]] == [{"total": 50}]
    assert entry.revision < 10


async def test_the_bus_is_away(nats_server, replica):
    """Counts from an outage of the bus are shared when it is back."""
    one, two = await replica(nats_server, "one"), await replica(nats_server, "two")
    one.add(20)
    await asyncio.to_thread(nats_server.kill)
    await eventually(lambda: not one.bus.connected and not two.bus.connected)
    one.add(40)
    two.add(40)
    assert not one.exhausted
    await asyncio.to_thread(nats_server.start)
    await one.refuses()
    await two.refuses()


@pytest.mark.slow
async def test_the_bucket_is_gone(nats_server, replica):
    """The bucket is created again, with each replica's own counts."""
    one, two = await replica(nats_server, "one"), await replica(nats_server, "two")
    one.add(60)
    await one.bus.request(f"$JS.API.STREAM.DELETE.KV_{BUCKET}", b"", 5)
    two.add(20)
    one.add(20)
    for each in (one, two):
        await each.refuses()
    three = await replica(nats_server, "three")
    await three.refuses()


async def test_the_bucket_is_gone_at_a_cap(nats_server, replica):
    """A router that has reached its cap is not counted any more, but its count is sent once more."""
    one = await replica(nats_server, "one")
    one.add(100)
    bucket, key = KeyValue(one.bus, BUCKET), f"{TOPIC}./capped/.one"
    await eventually(lambda: key in one.replicator._watch._known, "the count to be written")
    await one.bus.request(f"$JS.API.STREAM.DELETE.KV_{BUCKET}", b"", 5)
    await one.bus.publish(one.replicator._watch._round.inbox, b"whoever")  # otherwise it takes 15 s to notice
    await written_again(bucket, key)
    two = await replica(nats_server, "two")
    assert two.exhausted


async def written_again(bucket, key):
    """Wait until a key exists, in a bucket that may not exist yet."""
    async with asyncio.timeout(DEADLINE):
        while True:
            with contextlib.suppress(BusError):
                if await bucket.get(key) is not None:
                    return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("value", [b"", b"abc", b"-5", b"1e5", b"9" * 21, b"9" * 5000])
async def test_a_period_that_cannot_be_read(nats_server, replica, caplog, value):
    """The first replica writes a new beginning, and replicas share it."""
    bus = (await replica(nats_server, "before", topic="another")).bus
    bucket, key = KeyValue(bus, BUCKET), f"{TOPIC}.period.3600"
    await bucket.put(key, value)
    one = await replica(nats_server, "one", window=Window(HOUR, 12_345))
    two = await replica(nats_server, "two", window=Window(HOUR, 67_890))
    assert (one.counters.window.began, two.counters.window.began) == (12_345, 12_345)
    assert (await bucket.get(key)).value == b"12345"
    assert caplog.text.count("invalid start of period") == 1
    one.add(100)
    await two.refuses()


async def test_without_jetstream(plain_nats_server, replica, caplog):
    """Each replica counts alone. That is logged once, also after an outage of the bus."""
    one, two = await replica(plain_nats_server, "one"), await replica(plain_nats_server, "two")
    one.add(100)
    assert one.exhausted
    await asyncio.to_thread(plain_nats_server.kill)
    await eventually(lambda: not one.bus.connected and not two.bus.connected)
    await asyncio.to_thread(plain_nats_server.start)
    await eventually(lambda: one.bus.connected and two.bus.connected)
    two.add(1)
    assert not two.exhausted
    await one.replicator.close()
    await two.replicator.close()
    assert caplog.text.count("token counts are not shared") == 2


@pytest.mark.parametrize("value", [b"", b"{}", b"[1]", b'{"uses": [[1, {"total": -5}]], "until": 1}', b"\xff"])
async def test_what_cannot_be_read(nats_server, replica, caplog, value):
    """An invalid count is logged, and does no harm."""
    one = await replica(nats_server, "one")
    await KeyValue(one.bus, BUCKET).put(f"{TOPIC}./capped/.strange", value)
    await eventually(lambda: "ignoring an invalid token count" in caplog.text)
    two = await replica(nats_server, "two")
    two.add(100)
    await one.refuses()


async def test_keys_of_dead_replicas(nats_server, replica):
    """Keys are removed when their counts have left the window, and not before."""
    one = await replica(nats_server, "one")
    bucket = KeyValue(one.bus, BUCKET)
    now = milliseconds()
    await bucket.put(
        f"{TOPIC}./capped/.old", json.dumps({"uses": [[now - 2 * HOUR, {}]], "until": now - HOUR}).encode()
    )
    await bucket.put(f"{TOPIC}./capped/.new", json.dumps({"uses": [[now, {}]], "until": now + HOUR}).encode())
    await eventually(lambda: len(one.replicator._revisions) == 2)
    one.replicator._swept -= HOUR
    one.add(1)
    await eventually(lambda: len(one.replicator._revisions) == 1)
    await one.replicator.close()
    kept = {key.rpartition(".")[2] for key in await keys_of(one)}
    assert kept == {"new", "one", "3600"}


async def test_a_new_config(nats_server, replica):
    """Replicas that get another period agree on it, and on earlier counts."""
    one, two = await replica(nats_server, "one"), await replica(nats_server, "two")
    one.add(50)
    two.add(49)
    for each in (one, two):
        now = milliseconds()
        each.counters.apply(CAPS, each.counters.window.changed(2 * HOUR, now, sliding=False), now)
        each.replicator.restart()
    two.add(1)
    await one.refuses()
    await two.refuses()
    await eventually(lambda: one.counters.window == two.counters.window)


class StartingCluster(KeyValue):
    """A bucket on a cluster that has no JetStream at first."""

    tries = 0

    async def ensure(self):
        self.tries += 1
        if self.tries <= 3:
            raise NoKeyValue("the bus has no JetStream")
        await super().ensure()


async def test_jetstream_that_is_there_a_moment_later(nats_server, replica):
    """It is looked for again soon: until then replicas count alone."""
    one = await replica(nats_server, "one")
    late = Counters(CAPS, Window(HOUR, milliseconds()))
    bucket = StartingCluster(one.bus, BUCKET)
    replicator = UsageReplicator(
        one.bus, bucket, Naming(TOPIC, "two"), _SharedCounters(late), log=Log("test"), messages=_MESSAGES
    )
    try:
        one.add(100)
        await eventually(lambda: late.exhausted("/capped/", milliseconds()), "shared counts", seconds=SOON)
        assert bucket.tries > 3
    finally:
        await replicator.close()
