"""The same scenarios through our client of the bus and through nats-py, and between the two."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gecholog.errors import BusError
from tests.gecholog.nats_clients import CLIENTS, CONFLICT, ERRORS, LATE, NOBODY
from tests.support.waiting import DEADLINE, eventually

EACH = pytest.mark.parametrize("name", CLIENTS)
PAIRS = pytest.mark.parametrize(("name", "other"), [(one, two) for one in CLIENTS for two in CLIENTS])
HEADERS = {"Nats-Msg-Id": "größe", "X-A": "b: c"}


@asynccontextmanager
async def connected(server, *names):
    """A client of each of these names."""
    made = [await CLIENTS[name]().connect(server) for name in names]
    try:
        yield made
    finally:
        for client in made:
            await client.close()


@PAIRS
async def test_publish(plain_nats_server, name, other):
    """Messages arrive in order, with their headers; of a queue group one member gets each."""
    async with connected(plain_nats_server, name, other, other) as (sending, first, second):
        plain, shared = [], []

        async def take(data, headers, _):
            plain.append((data, headers))

        async def take_shared(data, headers, _):
            shared.append(data)

        await first.subscribe("s.*", take)
        for client in (first, second):
            await client.subscribe("s.>", take_shared, "group")
        sent = [(b"%d\r\n\x00" % number, HEADERS if number % 2 else {}) for number in range(100)]
        for data, headers in sent:
            await sending.publish("s.x", data, headers or None)
        await sending.flush()
        await eventually(lambda: len(plain) == len(shared) == 100)
        assert plain == sent
        assert sorted(shared) == sorted(data for data, _ in sent)


@PAIRS
async def test_request(plain_nats_server, name, other):
    """Requests get their own answers; without a subscriber or an answer the client says so."""
    async with connected(plain_nats_server, name, other) as (asking, answering):

        async def answer(data, headers, respond):
            if data != b"silence":
                await respond(data + str(sorted(headers.items())).encode())

        await answering.subscribe("s", answer)
        assert await asking.request("s", b"a", headers=HEADERS) == b"a" + str(sorted(HEADERS.items())).encode()
        answers = await asyncio.gather(*(asking.request("s", b"%d" % number) for number in range(200)))
        assert answers == [b"%d[]" % number for number in range(200)]
        assert await asking.request("nobody", b"") == NOBODY
        assert await asking.request("s", b"silence", 0.1) == LATE


async def test_stream(nats_server):
    """A stream acknowledges to both alike, and knows a message again whoever sends it."""
    async with connected(nats_server, "ours", "theirs") as (ours, theirs):
        await ours.bucket("unused")  # JetStream is there
        await theirs._client.jetstream().add_stream(name="S", subjects=["s"], max_bytes=1 << 20)
        assert await ours.store("s", b"1", "one") == ("S", 1, False)
        assert await theirs.store("s", b"1", "one") == ("S", 1, True)
        assert await theirs.store("s", b"2", "two") == ("S", 2, False)
        assert await ours.store("s", b"2", "two") == ("S", 2, True)


async def told(server, name):
    """What a client says of a sequence of writes to a bucket, and what its watch tells of it."""
    async with connected(server, name) as (client,):
        bucket, heard = await client.bucket(f"of_{name}"), []
        said = [await bucket.put("a", b"1"), await bucket.put("b.c", b""), await bucket.get("a"), await bucket.get("x")]
        close = await bucket.watch(heard)
        said += [await bucket.create("a", b"2"), await bucket.create("d", b"3"), await bucket.update("a", b"4", 1)]
        said += [await bucket.update("a", b"5", 1), await bucket.get("a"), await bucket.get("b.c")]
        await bucket.delete("a")
        said += [await bucket.get("a"), await bucket.update("a", b"6", 4), await bucket.create("a", b"7")]
        await eventually(lambda: heard and heard[-1][1] == b"7", "the last change")
        await close()
        return said, heard


async def test_buckets_alike(nats_server):
    """The same writes have the same results, revisions and conflicts, and watches tell the same."""
    ours, theirs = [await told(nats_server, name) for name in CLIENTS]
    assert ours == theirs
    said, heard = ours
    assert said.count(CONFLICT) == 3
    assert heard[:2] == [("a", b"1", 1), ("b.c", b"", 2)]
    assert [value for key, value, _ in heard if key == "a"] == [b"1", b"4", None, b"7"]


@PAIRS
async def test_one_bucket(nats_server, name, other):
    """Each reads, watches and conflicts with what the other wrote, whoever made the bucket."""
    async with connected(nats_server, name, other) as (one, two):
        here, there = await one.bucket("things"), await two.bucket("things")
        heard = []
        revision = await here.put("a", b"1")
        close = await there.watch(heard)
        assert await there.get("a") == (b"1", revision)
        assert await there.update("a", b"2", revision) == revision + 1
        assert await here.update("a", b"3", revision) == CONFLICT
        await here.delete("a")
        assert await there.get("a") is None
        last = await there.create("a", b"4")
        assert await here.create("a", b"5") == CONFLICT
        await eventually(lambda: len(heard) == 4)
        assert heard == [("a", b"1", 1), ("a", b"2", 2), ("a", None, 3), ("a", b"4", last)]
        await close()


@EACH
async def test_reconnect(plain_nats_server, name):
    """After a kill -9 of the server, subscriptions stand again without a word."""
    async with connected(plain_nats_server, name) as (client,):

        async def echo(data, _, respond):
            await respond(data)

        await client.subscribe("s", echo)
        for _ in range(2):
            await asyncio.to_thread(plain_nats_server.kill)
            await asyncio.to_thread(plain_nats_server.start)
            async with asyncio.timeout(DEADLINE):
                while await asked(client) != b"x":
                    await client.back()
                    await asyncio.sleep(0.01)


async def asked(client):
    """The answer to a request; None if it is lost with the connection."""
    try:
        return await client.request("s", b"x", 0.5)
    except ERRORS:
        return None


@EACH
async def test_drain(plain_nats_server, name):
    """Who leaves in order has handled everything that came before; the others of the group get the rest."""
    async with connected(plain_nats_server, name, "ours", "ours") as (leaving, sending, staying):
        handled, others = [], []

        async def slow(data, *_):
            await asyncio.sleep(0.005)
            handled.append(data)

        async def take(data, *_):
            others.append(data)

        await leaving.subscribe("s", slow, "group")
        for number in range(20):
            await sending.publish("s", b"%d" % number)
        await sending.flush()
        await staying.subscribe("s", take, "group")
        await leaving.drain("s")
        assert len(handled) == 20 - len(others)
        await sending.publish("s", b"last")
        await eventually(lambda: b"last" in others)
        assert sorted(handled + others) == sorted([b"%d" % number for number in range(20)] + [b"last"])


async def test_a_message_that_is_too_large(plain_nats_server):
    """Both refuse it before it is sent, and stay connected."""
    async with connected(plain_nats_server, "ours", "theirs") as (ours, theirs):
        with pytest.raises(BusError):
            await ours.publish("s", bytes(1024 * 1024 + 1))
        with pytest.raises(ERRORS):
            await theirs.publish("s", bytes(1024 * 1024 + 1))
        assert await ours.request("nobody", b"") == await theirs.request("nobody", b"") == NOBODY
