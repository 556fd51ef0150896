"""Processors on a real bus."""

import asyncio
import json

import pytest

from gecholog import processor
from gecholog.errors import NoAnswer
from gecholog.processor import attach, over_json
from tests.support.waiting import DEADLINE, eventually


async def upper(data):
    return data.upper()


@pytest.mark.parametrize("concurrency", [1, 2, 64])
async def test_every_message_is_answered(bus, connect, plain_nats_server, concurrency):
    """Many messages at once, each with its own answer."""
    await attach(bus, "upper", upper, concurrency=concurrency)
    await bus.flush()
    async with connect(plain_nats_server) as asking:
        answers = await asyncio.gather(*(asking.request("upper", b"x%d" % number, 20) for number in range(300)))
    assert answers == [b"X%d" % number for number in range(300)]


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_concurrency(bus, concurrency):
    """No more than so many messages are worked on at a time; the others wait for their turn."""
    gate = asyncio.Event()
    working = 0
    most = 0

    async def slow(data):
        nonlocal working, most
        working += 1
        most = max(most, working)
        await gate.wait()
        working -= 1
        return data

    await attach(bus, "slow", slow, concurrency=concurrency)
    asking = [asyncio.create_task(bus.request("slow", b"", 30)) for _ in range(10)]
    await eventually(lambda: working == concurrency)
    await bus.flush()
    gate.set()
    await asyncio.gather(*asking)
    assert most == concurrency


@pytest.mark.parametrize("concurrency", [1, 64])
async def test_a_function_that_fails(bus, concurrency):
    """A message whose function fails is answered with nothing, and the next one as ever."""

    async def picky(data):
        if data == b"bad":
            raise ValueError("bad")
        return data

    await attach(bus, "picky", picky, concurrency=concurrency)
    assert await bus.request("picky", b"bad", 5) == processor.NOTHING
    assert await bus.request("picky", b"good", 5) == b"good"


async def test_an_answer_that_is_too_large(bus):
    """An answer that does not fit the bus is not sent; the processor goes on."""

    async def large(data):
        return bytes(int(data))

    await attach(bus, "large", large)
    with pytest.raises(NoAnswer):
        await bus.request("large", b"2000000", 0.2)
    assert await bus.request("large", b"3", 5) == bytes(3)


async def test_the_bus_goes_while_a_message_is_worked_on(connect, plain_nats_server):
    """An answer for which there is no bus any more is dropped; after the bus is back the processor answers again."""
    gate, taken = asyncio.Event(), asyncio.Event()

    async def slow(data):
        taken.set()
        await gate.wait()
        return data

    async with connect(plain_nats_server) as bus:
        await attach(bus, "slow", slow)
        await bus.publish("slow", b"", reply="nowhere")
        await taken.wait()
        plain_nats_server.kill()
        await eventually(lambda: not bus.connected)
        gate.set()
        plain_nats_server.start()
        async with asyncio.timeout(DEADLINE):
            await eventually(lambda: bus.connected)
            assert await bus.request("slow", b"x", 20) == b"x"


async def test_several_share_the_work(connect, plain_nats_server):
    """Processors on one subject are a group: each message is answered by one of them."""
    counts = {"a": 0, "b": 0}

    def counting(name):
        async def count(data):
            counts[name] += 1
            return data

        return count

    async with connect(plain_nats_server) as bus, connect(plain_nats_server) as other:
        await attach(bus, "s", counting("a"))
        await attach(other, "s", counting("b"))
        await bus.flush()
        await other.flush()
        await asyncio.gather(*(bus.request("s", b"", 20) for _ in range(200)))
    assert sum(counts.values()) == 200
    assert all(counts.values())


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (b'{"a": 1}', {"seen": ["a"]}),
        (b"{}", {"seen": []}),
        (b'{"\xc3\xa9": [1, {"b": null}]}', {"seen": ["é"]}),
        (b'{"nothing": 1}', None),
        (b'{"empty": 1}', None),
        (b"", None),
        (b"[1]", None),
        (b"null", None),
        (b"{", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
async def test_over_json(message, answer):
    """A function over fields; what is no JSON object, and a function with nothing to say, is answered with nothing."""

    async def seen(fields):
        if "nothing" in fields:
            return None
        return {} if "empty" in fields else {"seen": sorted(fields)}

    data = await over_json(seen)(message)
    assert (json.loads(data) if data else None) == answer
