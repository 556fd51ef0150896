"""Watches on a real nats-server."""

import asyncio
import json

import pytest

from gecholog import wire
from gecholog.keyvalue import Entry, KeyValue
from gecholog.watch import _HEARTBEAT, consumer_config
from tests.support.waiting import DEADLINE, eventually


@pytest.fixture
async def bus(nats_server, connect):
    async with connect(nats_server) as one:
        yield one


@pytest.fixture
async def bucket(bus):
    made = KeyValue(bus, "things")
    await made.ensure()
    return made


class Heard:
    """A handler that keeps what it is told."""

    def __init__(self):
        self.entries = []
        self._more = asyncio.Event()

    async def __call__(self, entry):
        self.entries.append(entry)
        self._more.set()

    async def until(self, condition):
        """Wait until `condition`, of the values by key that were told last, holds; these."""
        async with asyncio.timeout(DEADLINE):
            while not condition(self.values):
                self._more.clear()
                await self._more.wait()
        return self.values

    @property
    def values(self):
        return {entry.key: entry.value for entry in self.entries}


@pytest.fixture
async def watch():
    """Begin a watch that ends with the test, and wait until it is current."""
    watches = []

    async def begin(bucket, handler, **more):
        made = await bucket.watch(handler, **more)
        watches.append(made)
        async with asyncio.timeout(DEADLINE):
            await made.caught_up()
        return made

    yield begin
    for made in watches:
        await made.close()


async def api(bus, call, body=None):
    return json.loads(await bus.request(f"$JS.API.{call}", json.dumps(body or {}).encode(), 5))


class TestAWatch:
    """Following a bucket."""

    async def test_what_is_there_then_what_changes(self, bucket, watch):
        """First every entry, then each change, in their order."""
        await bucket.put("a", b"1")
        await bucket.put("b", b"2")
        await bucket.put("a", b"3")
        heard = Heard()
        following = await watch(bucket, heard)
        assert following.current
        assert [(entry.key, entry.value) for entry in heard.entries] == [("b", b"2"), ("a", b"3")]
        await bucket.put("b", b"4")
        await bucket.delete("a")
        revision = await bucket.put("c", b"5")
        await heard.until(lambda values: "c" in values)
        changes = [(entry.key, entry.value) for entry in heard.entries[2:]]
        assert changes == [("b", b"4"), ("a", None), ("c", b"5")]
        assert heard.entries[-1].revision == revision

    async def test_an_empty_bucket(self, bus, watch):
        """The watch makes it, and is current without an entry."""
        assert (await watch(KeyValue(bus, "new"), Heard())).current

    async def test_some_keys(self, bucket, watch):
        """Only keys that match."""
        for key in ("a.x", "a.x.y", "b.x"):
            await bucket.put(key, b"1")
        heard = Heard()
        await watch(bucket, heard, keys="a.*")
        await bucket.put("b.y", b"1")
        await bucket.put("a.y", b"1")
        assert set(await heard.until(lambda values: "a.y" in values)) == {"a.x", "a.y"}

    async def test_many(self, bus, bucket, watch):
        """Thousands of entries come all, in their order; the server's flow control is answered."""
        for number in range(5000):
            await bus.publish(f"$KV.things.k{number}", b"%d" % number * 100)
        await bus.flush()
        heard = Heard()
        await watch(bucket, heard)
        await heard.until(lambda values: len(values) == 5000)
        assert [entry.revision for entry in heard.entries] == list(range(1, 5001))

    async def test_the_server_dies(self, nats_server, bus, bucket, watch):
        """While the bus is away it is not current; then everything is told again, and further changes."""
        await bucket.put("a", b"1")
        heard = Heard()
        following = await watch(bucket, heard)
        await asyncio.to_thread(nats_server.kill)
        await eventually(lambda: not bus.connected)
        assert not following.current
        heard.entries.clear()
        await asyncio.to_thread(nats_server.start)
        await heard.until(lambda values: values == {"a": b"1"})
        async with asyncio.timeout(DEADLINE):
            await following.caught_up()
        await bucket.put("b", b"2")
        await heard.until(lambda values: values == {"a": b"1", "b": b"2"})

    async def test_a_gap(self, bus, bucket, watch):
        """A message that is missing makes it begin again; what is gone without a mark is told as deleted."""
        await bucket.put("a", b"1")
        revision = await bucket.put("b", b"2")
        heard = Heard()
        following = await watch(bucket, heard)
        await bucket.purge("b", revision)
        heard.entries.clear()
        stranger = consumer_config("stranger", following._round.inbox, "$KV.things.>")
        await api(bus, "CONSUMER.CREATE.KV_things.stranger", {"stream_name": "KV_things", "config": stranger})
        await heard.until(lambda values: values == {"a": b"1", "b": None})
        await bucket.put("c", b"3")
        await heard.until(lambda values: values.get("c") == b"3")

    async def test_the_bucket_is_deleted(self, bus, bucket, watch):
        """It is made again, and all keys are told as deleted."""
        await bucket.put("a", b"1")
        heard = Heard()
        following = await watch(bucket, heard)
        await api(bus, "STREAM.DELETE.KV_things")
        await bus.publish(following._round.inbox, b"whoever")
        await heard.until(lambda values: values == {"a": None})
        await bucket.put("b", b"2")
        await heard.until(lambda values: values.get("b") == b"2")

    async def test_a_strangers_message(self, bus, bucket, watch, caplog):
        """A message that looks like JetStream's and is not makes it begin again."""
        heard = Heard()
        following = await watch(bucket, heard)
        first = following._round
        block = wire.encoded({"Status": "100", "Nats-Last-Consumer": "what?"})
        await bus.publish(first.inbox, b"", block)
        await eventually(lambda: following._round is not first)
        await bucket.put("a", b"1")
        await heard.until(lambda values: values == {"a": b"1"})
        assert "message not handled" not in caplog.text

    async def test_beginnings(self, bus, bucket, watch):
        """Who watches learns of each beginning before the first entry, also when the bucket is another one."""
        await bucket.put("a", b"1")
        heard = Heard()
        following = await watch(bucket, heard, begins=lambda: heard.entries.append(Entry("begins", b"", 0)))
        await api(bus, "STREAM.DELETE.KV_things")
        await bucket.ensure()
        await bucket.put("a", b"2")
        await bus.publish(following._round.inbox, b"whoever")
        await heard.until(lambda values: values.get("a") == b"2")
        told = [(entry.key, entry.value) for entry in heard.entries]
        assert told == [("begins", b""), ("a", b"1"), ("begins", b""), ("a", b"2")]

    @pytest.mark.slow
    async def test_silence(self, bus, bucket, watch):
        """A consumer that is gone sends no heartbeats any more: the watch begins again."""
        heard = Heard()
        following = await watch(bucket, heard)
        first = following._round
        await api(bus, f"CONSUMER.DELETE.KV_things.{first.consumer}")
        await bucket.put("a", b"1")
        await heard.until(lambda values: values == {"a": b"1"})
        assert following._round is not first

    @pytest.mark.slow
    async def test_heartbeats(self, bucket, watch):
        """A watch of which nothing changes continues, heartbeat after heartbeat."""
        following = await watch(bucket, Heard())
        first, begun = following._round, following._round._heard
        await eventually(lambda: first._heard > begun + 2 * _HEARTBEAT)
        assert following._round is first
        assert following.current

    async def test_a_handler_that_fails(self, bucket, watch, caplog):
        """Is logged, and learns of the next change."""
        heard = Heard()

        async def fails(entry):
            await heard(entry)
            raise KeyError(entry.key)

        await watch(bucket, fails)
        await bucket.put("a", b"1")
        await bucket.put("b", b"2")
        await heard.until(lambda values: values == {"a": b"1", "b": b"2"})
        assert "entry not handled" in caplog.text

    async def test_closed(self, nats_server, bus, bucket, watch):
        """A closed watch tells nothing more, also when the bus comes back."""
        heard = Heard()
        following = await watch(bucket, heard)
        await following.close()
        await bucket.put("a", b"1")
        await asyncio.to_thread(nats_server.kill)
        await asyncio.to_thread(nats_server.start)
        await eventually(lambda: bus.connected)
        other = Heard()
        await watch(bucket, other)
        await bucket.put("b", b"1")
        await other.until(lambda values: set(values) == {"a", "b"})
        assert heard.entries == []
        assert not following.current

    async def test_without_jetstream(self, plain_nats_server, connect, caplog):
        """A watch on a bus without JetStream waits for a better one, and says so."""
        async with connect(plain_nats_server) as bus:
            following = await KeyValue(bus, "things").watch(Heard())
            await eventually(lambda: "bucket not watched" in caplog.text)
            assert not following.current
            await following.close()
