"""Key-value on a real nats-server."""

import asyncio
import json

import pytest

from gecholog.errors import BusAway, NoAnswer
from gecholog.keyvalue import Conflict, Entry, KeyValue, KeyValueRefused, NoKeyValue
from tests.support.waiting import eventually


@pytest.fixture
async def bus(nats_server, connect):
    async with connect(nats_server) as one:
        yield one


@pytest.fixture
async def bucket(bus):
    made = KeyValue(bus, "things")
    await made.ensure()
    return made


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

    async def test_someone_elses(self, bus, bucket):
        """A bucket that someone changed is taken as it is."""
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
        """A deleted key holds nothing, and may be created again."""
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


class Stranger:
    """A bus on which someone else answers everything with one text."""

    def __init__(self, text):
        self.text = text

    async def request(self, subject, data, timeout, headers=b""):  # noqa: ASYNC109 - the bus's own
        return self.text


STRANGE = [
    b"",
    b"what?",
    b"\xff",
    b"[]",
    b"{}",
    b'{"error": 5}',
    b'{"error": {"err_code": {}}}',
    b'{"seq": null, "num_pending": "x"}',
    b'{"seq": [], "num_pending": 1, "delivered": 5}',
    b'{"seq": 1e400, "num_pending": 1e400, "delivered": {}}',
    b'{"message": 5}',
    b'{"message": {"seq": "x"}}',
    b'{"message": {"seq": 1, "data": 5}}',
    b'{"message": {"seq": 1, "hdrs": "?a"}}',
]


@pytest.mark.parametrize("text", STRANGE)
async def test_a_stranger_answers(text):
    """Whatever someone else answers in JetStream's place is no answer, and no other fault."""
    bucket = KeyValue(Stranger(text), "things")
    for call in (bucket.put("a", b""), bucket.update("a", b"", 1), bucket.get("a"), bucket.consume("c", "i", ">")):
        with pytest.raises(NoAnswer):
            await call
