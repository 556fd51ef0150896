"""A function on a subject of a real bus."""

import asyncio
import json

import pytest

from gecholog.attachment import NOTHING, attach, described
from gecholog.errors import FieldNotSent, NobodyListens
from gecholog.logs import Log, setup
from tests.support.waiting import DEADLINE, eventually


async def upper(data):
    return data.upper()


@pytest.mark.parametrize("concurrency", [1, 2, 64])
async def test_every_message_is_answered(bus, connect, plain_nats_server, concurrency):
    """Many messages at once, each with its own answer."""
    attachment = await attach(bus, "upper", upper, concurrency=concurrency)
    await bus.flush()
    async with connect(plain_nats_server) as asking:
        answers = await asyncio.gather(*(asking.request("upper", b"x%d" % number, 20) for number in range(300)))
    assert answers == [b"X%d" % number for number in range(300)]
    await eventually(lambda: attachment.counts.messages == 300)
    assert attachment.counts.errors == 0
    assert attachment.counts.spent_ns > 0


class Gated:
    """A function that waits for `gate`, and remembers how many messages it worked on at a time."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.working = 0
        self.most = 0

    async def __call__(self, data):
        self.working += 1
        self.most = max(self.most, self.working)
        try:
            await self.gate.wait()
        finally:
            self.working -= 1
        return data


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_concurrency(bus, concurrency):
    """No more than this many messages are worked on at a time; the others wait for their turn."""
    slow = Gated()
    await attach(bus, "slow", slow, concurrency=concurrency)
    asking = [asyncio.create_task(bus.request("slow", b"%d" % number, 30)) for number in range(10)]
    await eventually(lambda: slow.working == concurrency)
    await bus.flush()
    slow.gate.set()
    assert await asyncio.gather(*asking) == [b"%d" % number for number in range(10)]
    assert slow.most == concurrency


@pytest.mark.parametrize("concurrency", [1, 64])
async def test_a_function_that_fails(bus, concurrency):
    """A message whose function fails is answered with nothing, and the next one as always."""

    async def picky(data):
        if data == b"bad":
            raise ValueError("bad")
        return data

    attachment = await attach(bus, "picky", picky, concurrency=concurrency)
    assert await bus.request("picky", b"bad", 5) == NOTHING
    assert await bus.request("picky", b"good", 5) == b"good"
    await eventually(lambda: attachment.counts.messages == 2)
    assert (attachment.counts.errors, attachment.counts.last_error) == (1, "ValueError")


@pytest.mark.parametrize("concurrency", [1, 64])
async def test_a_function_that_is_cancelled_inside(bus, concurrency):
    """What the function waited for was cancelled: a fault like any other, and no reason to leave anybody waiting."""

    async def fragile(data):
        if data == b"bad":
            raise asyncio.CancelledError
        return data

    attachment = await attach(bus, "fragile", fragile, concurrency=concurrency)
    answers = await asyncio.gather(*(bus.request("fragile", data, 5) for data in (b"good", b"bad", b"better")))
    assert answers == [b"good", NOTHING, b"better"]
    assert (attachment.counts.errors, attachment.counts.last_error) == (1, "CancelledError")


@pytest.mark.parametrize("concurrency", [1, 64])
async def test_an_answer_that_is_too_large(bus, concurrency):
    """An answer that does not fit the bus is replaced by an empty one; the processor continues."""

    async def large(data):
        return bytes(int(data))

    attachment = await attach(bus, "large", large, concurrency=concurrency)
    assert await bus.request("large", b"2000000", 20) == NOTHING
    assert await bus.request("large", b"3", 20) == bytes(3)
    assert attachment.counts.last_error == "MessageTooLarge"


async def test_a_message_that_wants_no_answer(bus):
    """It is worked on like any other."""
    seen = []

    async def note(data):
        seen.append(data)
        return b"answer"

    await attach(bus, "note", note)
    await bus.publish("note", b"x")
    await eventually(lambda: seen == [b"x"])


async def test_the_bus_goes_while_a_message_is_worked_on(connect, plain_nats_server):
    """An answer for which there is no bus any more is dropped; after the bus is back the processor answers again."""
    slow = Gated()
    async with connect(plain_nats_server) as bus:
        await attach(bus, "slow", slow)
        await bus.publish("slow", b"", reply="nowhere")
        await eventually(lambda: slow.working)
        plain_nats_server.kill()
        await eventually(lambda: not bus.connected)
        slow.gate.set()
        plain_nats_server.start()
        async with asyncio.timeout(DEADLINE):
            await eventually(lambda: bus.connected)
            assert await bus.request("slow", b"x", 20) == b"x"


async def test_several_share_the_work(connect, plain_nats_server):
    """Processors on one subject are a group: each message is answered by one of them."""
    async with connect(plain_nats_server) as bus, connect(plain_nats_server) as other:
        first = await attach(bus, "s", upper)
        second = await attach(other, "s", upper)
        await bus.flush()
        await other.flush()
        await asyncio.gather(*(bus.request("s", b"", 20) for _ in range(200)))
        await eventually(lambda: first.counts.messages + second.counts.messages == 200)
        assert first.counts.messages
        assert second.counts.messages


async def test_without_a_queue_group(connect, plain_nats_server):
    """With an empty queue group each of them gets all messages."""
    async with connect(plain_nats_server) as bus, connect(plain_nats_server) as other:
        attachments = [await attach(one, "s", upper, queue="") for one in (bus, other)]
        await bus.flush()
        await other.flush()
        for _ in range(20):
            await bus.publish("s", b"x")
        await eventually(lambda: all(one.counts.messages == 20 for one in attachments))


@pytest.mark.parametrize("concurrency", [1, 4, 64])
async def test_finish_answers_what_has_come(connect, plain_nats_server, concurrency):
    """What was taken before the end is answered, also what still waits for its turn; what comes later finds nobody."""
    async with connect(plain_nats_server) as bus, connect(plain_nats_server) as asking:
        slow = Gated()
        attachment = await attach(bus, "slow", slow, concurrency=concurrency)
        await bus.flush()
        waiting = [asyncio.create_task(asking.request("slow", b"%d" % number, 30)) for number in range(20)]
        await eventually(lambda: slow.working == min(concurrency, 20))
        await asking.flush()
        finishing = asyncio.create_task(attachment.finish(DEADLINE))
        await _nobody_listens(asking, "slow")
        slow.gate.set()
        assert await asyncio.gather(*waiting) == [b"%d" % number for number in range(20)]
        assert await finishing == 0


async def _nobody_listens(bus, subject):
    """Wait until the bus knows nobody on a subject."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await bus.request(subject, b"late", 0.05)
            except NobodyListens:
                return
            except Exception:  # noqa: BLE001, S110 - it was still taken
                pass


async def test_finish_does_not_wait_for_ever(bus):
    """What is not done in time is cancelled, and counted."""
    stuck = Gated()
    attachment = await attach(bus, "stuck", stuck, concurrency=4)
    for _ in range(3):
        await bus.publish("stuck", b"")
    await eventually(lambda: stuck.working == 3)
    assert await attachment.finish(0.05) == 3
    assert stuck.working == 0


@pytest.mark.parametrize("concurrency", [1, 2, 4])
async def test_finish_counts_what_waits(bus, concurrency):
    """Messages that had not their turn are left too: none of them is begun any more, and all are counted."""
    stuck, begun = Gated(), []

    async def counted(data):
        begun.append(data)
        return await stuck(data)

    attachment = await attach(bus, "stuck", counted, concurrency=concurrency)
    for number in range(10):
        await bus.publish("stuck", b"%d" % number)
    await eventually(lambda: stuck.working == concurrency)
    await bus.flush()
    assert await attachment.finish(0.05) == 10
    assert stuck.working == 0
    assert len(begun) == concurrency


async def test_finish_with_nothing_to_do(bus):
    """An idle one ends at once, and twice is no harm."""
    attachment = await attach(bus, "idle", upper)
    assert await attachment.finish(DEADLINE) == 0
    assert await attachment.finish(DEADLINE) == 0


async def test_finish_without_a_bus(connect, plain_nats_server):
    """A bus that has gone does not hold the end up."""
    async with connect(plain_nats_server) as bus:
        attachment = await attach(bus, "idle", upper)
        plain_nats_server.kill()
        await eventually(lambda: not bus.connected)
        assert await attachment.finish(DEADLINE) == 0


def _raised(function):
    try:
        function()
    except Exception as error:  # noqa: BLE001
        return described(error)
    raise AssertionError("nothing was raised")


def test_what_a_failure_says():
    """Type and places, the innermost first, and nothing of what was worked on."""
    said = _raised(lambda: int("a caller's secret"))
    assert said["error"] == "ValueError"
    assert said["places"][0].startswith("test_attachment.py:")
    assert "secret" not in json.dumps(said)


def test_what_our_own_failures_say():
    """The text of our own errors holds no values: it is told."""

    def asks():
        raise FieldNotSent("ingress_payload")

    said = _raised(asks)
    assert said["error"] == "FieldNotSent"
    assert said["places"][0].endswith(" asks")
    assert "ingress_payload was not sent" in said["reason"]


async def test_the_log_of_a_failure(bus, capsys):
    """The line names the subject, the type and the place, and nothing that came in the message."""

    async def fails(data):
        raise ValueError(f"cannot use {data!r}") from KeyError(data)

    await attach(bus, "fails", fails)
    setup("test")
    Log("test").info("before")
    assert await bus.request("fails", b"the secret of a caller", 20) == NOTHING
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    line = next(line for line in lines if line["msg"] == "message not processed")
    assert (line["subject"], line["error"]) == ("fails", "ValueError")
    assert line["places"][0].startswith("test_attachment.py:")
    assert "secret" not in json.dumps(lines)
