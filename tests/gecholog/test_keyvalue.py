"""Key-value on a real nats-server."""

import asyncio
import json

import pytest

from gecholog.errors import BusAway, NoAnswer
from gecholog.keyvalue import (
    _HEARTBEAT,
    Conflict,
    Entry,
    KeyValue,
    KeyValueRefused,
    NoKeyValue,
    _consumer_config,
    _Place,
    _place,
)
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


class TestTheBucket:
    """The stream that a bucket is."""

    async def test_made(self, bus, bucket):
        """It is made as other clients of NATS make it: the last message of each key, in files, of a bounded size."""
        await bucket.ensure()
        config = (await api(bus, "STREAM.INFO.KV_things"))["config"]
        assert config["subjects"] == ["$KV.things.>"]
        assert config["storage"] == "file"
        assert config["max_msgs_per_subject"] == 1
        assert config["max_bytes"] == 16 << 20
        assert config["discard"] == "new"
        assert config["allow_direct"]
        assert config["allow_rollup_hdrs"]
        assert config["deny_delete"]

    async def test_many_make_it(self, nats_server, connect):
        """Whoever comes first makes it; the others find it."""
        async with connect(nats_server) as one, connect(nats_server) as other:
            await asyncio.gather(*(KeyValue(bus, "things").ensure() for bus in (one, other) * 3))

    async def test_somebody_elses(self, bus, bucket):
        """A bucket that somebody changed is taken as it is."""
        config = (await api(bus, "STREAM.INFO.KV_things"))["config"]
        await api(bus, "STREAM.UPDATE.KV_things", config | {"max_bytes": 1 << 20})
        await bucket.ensure()
        assert (await api(bus, "STREAM.INFO.KV_things"))["config"]["max_bytes"] == 1 << 20

    async def test_no_room(self, bus):
        """A bucket that the server has no room for is refused, with the reason."""
        with pytest.raises(KeyValueRefused, match="storage"):
            await KeyValue(bus, "huge", max_bytes=1 << 50).ensure()

    async def test_full(self, bus):
        """What does not fit is refused, and nothing else is lost for it."""
        bucket = KeyValue(bus, "small", max_bytes=2000)
        await bucket.ensure()
        await bucket.put("a", b"x" * 1000)
        with pytest.raises(KeyValueRefused):
            await bucket.put("b", b"x" * 2000)
        assert (await bucket.get("a")).value == b"x" * 1000

    async def test_without_jetstream(self, plain_nats_server, connect):
        """Said by an error of its own."""
        async with connect(plain_nats_server) as bus:
            with pytest.raises(NoKeyValue):
                await KeyValue(bus, "things").ensure()

    async def test_missing(self, bus):
        """Who writes into a bucket that nobody made gets no answer."""
        with pytest.raises(NoAnswer):
            await KeyValue(bus, "nothing").put("a", b"1")

    @pytest.mark.parametrize("name", ["", "a.b", "a b", "a*", "ü"])
    def test_names(self, name):
        """A bucket's name is part of a subject."""
        with pytest.raises(ValueError, match="bucket"):
            KeyValue(None, name)


class TestEntries:
    """Reading and writing."""

    @pytest.mark.parametrize("key", ["a", "/service/capped/.0a1b", "coburn.gl.x./a//b/._-=", "A" * 200])
    async def test_written(self, bucket, key):
        """What was written is read, with its revision; bytes are bytes."""
        assert await bucket.get(key) is None
        revision = await bucket.put(key, bytes(range(256)))
        assert await bucket.get(key) == Entry(key, bytes(range(256)), revision)
        assert await bucket.put(key, b"") == revision + 1
        assert await bucket.get(key) == Entry(key, b"", revision + 1)

    async def test_deleted(self, bucket):
        """A deleted key holds nothing, and may be created anew."""
        await bucket.put("a", b"1")
        await bucket.delete("a")
        assert await bucket.get("a") is None
        revision = await bucket.create("a", b"2")
        assert await bucket.get("a") == Entry("a", b"2", revision)

    async def test_created_once(self, bucket):
        """Of many who create a key one does; the others are told its revision."""
        results = await asyncio.gather(*(bucket.create("a", b"%d" % n) for n in range(8)), return_exceptions=True)
        made = [result for result in results if not isinstance(result, Conflict)]
        assert len(made) == 1
        assert {result.revision for result in results if isinstance(result, Conflict)} == set(made)

    async def test_updated(self, bucket):
        """Only who knows the present revision may update."""
        first = await bucket.create("a", b"1")
        second = await bucket.update("a", b"2", first)
        with pytest.raises(Conflict) as caught:
            await bucket.update("a", b"3", first)
        assert caught.value.revision == second
        assert (await bucket.get("a")).value == b"2"

    async def test_nothing_is_lost(self, nats_server, connect):
        """Several who count in one key, each by update and again after a conflict, count everything."""
        async with connect(nats_server) as one, connect(nats_server) as other:
            buckets = [KeyValue(bus, "things") for bus in (one, other) * 2]
            await buckets[0].ensure()
            await buckets[0].create("n", b"0")
            await asyncio.gather(*(self.count(bucket, 25) for bucket in buckets))
            assert (await buckets[0].get("n")).value == b"100"

    @staticmethod
    async def count(bucket, times):
        while times:
            entry = await bucket.get("n")
            try:
                await bucket.update("n", b"%d" % (int(entry.value) + 1), entry.revision)
            except Conflict:
                continue
            times -= 1

    async def test_purged(self, bus, bucket):
        """A purge leaves no trace, and does not take away what came after the revision that it names."""
        old = await bucket.put("a", b"1")
        new = await bucket.put("a", b"2")
        await bucket.purge("a", old)
        assert (await bucket.get("a")).value == b"2"
        await bucket.purge("a", new)
        assert (await api(bus, "STREAM.INFO.KV_things"))["state"]["messages"] == 0

    async def test_kept_over_a_crash(self, nats_server, connect):
        """What was confirmed outlives the death of the server."""
        async with connect(nats_server) as bus:
            bucket = KeyValue(bus, "things")
            await bucket.ensure()
            await bucket.put("a", b"1")
        await asyncio.to_thread(nats_server.kill)
        await asyncio.to_thread(nats_server.start)
        async with connect(nats_server) as bus:
            assert (await KeyValue(bus, "things").get("a")).value == b"1"

    async def test_the_bus_is_away(self, nats_server, bus, bucket):
        """Said at once."""
        await asyncio.to_thread(nats_server.kill)
        await eventually(lambda: not bus.connected)
        with pytest.raises(BusAway):
            await bucket.put("a", b"1")

    @pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a..b", "a b", "a*", "a.>", "ü", "a\n"])
    async def test_keys(self, bucket, key):
        """What cannot be part of a subject is no key."""
        for call in (bucket.get(key), bucket.put(key, b""), bucket.delete(key), bucket.purge(key, 1)):
            with pytest.raises(ValueError, match="key"):
                await call


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
        stranger = _consumer_config("stranger", following._round.inbox, "$KV.things.>")
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
        """A watch of which nothing changes goes on, heartbeat after heartbeat."""
        following = await watch(bucket, Heard())
        first, begun = following._round, following._round._heard
        await eventually(lambda: first._heard > begun + 2 * _HEARTBEAT)
        assert following._round is first
        assert following.current

    async def test_a_handler_that_fails(self, bucket, watch, caplog):
        """Is logged, and hears of the next change."""
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


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.KV_b.watch_1.1.42.7.1700000000000000000.3",
        "$JS.ACK._.hash.KV_b.watch_1.1.42.7.1700000000000000000.3",
        "$JS.ACK.hub.hash.KV_b.watch_1.1.42.7.1700000000000000000.3.token",
    ],
)
def test_places(reply):
    """Older and newer servers say differently where a message stands."""
    assert _place(reply) == _Place(revision=42, number=7, pending=3)
