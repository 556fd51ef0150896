"""The path from the buffer to the sink, with a fake sink and a fake origin."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.nats2log.buffer import Buffer
from services.nats2log.config import RetryPolicy
from services.nats2log.counters import SinkCounters
from services.nats2log.deadletter import DeadLetterFile
from services.nats2log.deliver import Delivery, DeliveryContext, DeliveryPolicy
from services.nats2log.entry import RecordEntry
from services.nats2log.shape import Shape
from services.nats2log.sinks.sink import Failure, Fault, FaultKind
from tests.support.waiting import eventually

AWAY, BAD, BUSY = (
    Fault(FaultKind.OUTAGE, "away"),
    Fault(FaultKind.REJECTED, "bad", "why"),
    Fault(FaultKind.BUSY, "busy"),
)


class Target:
    """A sink that fails as configured: `faults` by the data of an entry, one for each attempt."""

    def __init__(self, faults=None):
        self.faults = {data: list(those) for data, those in (faults or {}).items()}
        self.calls = []
        self.taken = []
        self.closed = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def open(self):
        pass

    async def close(self):
        self.closed += 1

    async def write(self, entries):
        self.calls.append([entry.data for entry in entries])
        await self.gate.wait()
        failures = []
        for entry in entries:
            fault = self.faults[entry.data].pop(0) if self.faults.get(entry.data) else None
            if isinstance(fault, Exception):
                raise fault
            if fault is None:
                self.taken.append(entry.data)
            else:
                failures.append(Failure(entry, fault))
        return failures


class FakeAcknowledger:
    """The fake origin of the entries."""

    def __init__(self):
        self.acked = []
        self.nacked = []

    async def ack(self, entries):
        self.acked += [entry.data for entry in entries]

    async def nack(self, entries):
        self.nacked += [entry.data for entry in entries]


class DeliveryRig:
    """A delivery with its collaborators."""

    def __init__(self, folder, target, retries=2, shape=None):
        self.target = target
        self.acknowledger = FakeAcknowledger()
        self.buffer = Buffer()
        self.counters = SinkCounters()
        self.dead_letter_file = DeadLetterFile(folder, "sink")
        self.delivery_policy = DeliveryPolicy(RetryPolicy(retries, 1), shape or Shape())
        self.delivery = Delivery(
            target,
            self.delivery_policy,
            self.acknowledger,
            DeliveryContext(self.buffer, self.dead_letter_file, self.counters),
        )
        self.task = None

    def add(self, *texts, durable=True):
        for text in texts:
            self.buffer.add(RecordEntry(text, reply="reply" if durable else "", key=text.decode()))
        return self

    def run(self):
        self.task = asyncio.create_task(self.delivery.run())
        return self

    async def end(self):
        self.delivery.stop()
        async with asyncio.timeout(30):
            await self.task
        await self.delivery.drain()

    def dead_letters(self):
        try:
            return [json.loads(line) for line in self.dead_letter_file.path.read_text().splitlines()]
        except FileNotFoundError:
            return []


@pytest.fixture
async def start(tmp_path):
    """Return a function that creates pipelines, and stop them after the test."""
    rigs = []

    def make(target, **options):
        rigs.append(DeliveryRig(tmp_path, target, **options))
        return rigs[-1]

    yield make
    for each in rigs:
        if each.task is not None and not each.task.done():
            each.target.gate.set()
            await each.end()


async def test_one_batch(start):
    """Waiting entries are written together, and acknowledged after the write."""
    rig = start(Target()).add(b"1", b"2", b"3").run()
    await eventually(lambda: rig.acknowledger.acked == [b"1", b"2", b"3"])
    assert rig.target.calls == [[b"1", b"2", b"3"]]
    assert rig.counters.written == 3


async def test_outage_with_the_record_log(start):
    """Nothing is given up and nothing new is accepted. In the end everything is written in order."""
    rig = start(Target({b"1": [AWAY] * 5}), retries=0).add(b"1").run()
    await eventually(lambda: rig.counters.outage == "away")
    rig.add(b"2")
    await eventually(lambda: rig.acknowledger.acked == [b"1", b"2"])
    assert rig.target.calls == [[b"1"]] * 6 + [[b"2"]]
    assert rig.dead_letters() == []
    assert (rig.counters.outage, rig.counters.failed_attempts) == ("", 5)


async def test_outage_without_it(start):
    """After the retries the entry becomes a dead letter. Meanwhile, others are written."""
    rig = start(Target({b"1": [AWAY] * 9}), retries=2).add(b"1", b"2", durable=False).run()
    await eventually(lambda: rig.acknowledger.acked == [b"2", b"1"])  # after it is in the dead-letter file
    assert rig.target.calls == [[b"1", b"2"], [b"1"], [b"1"]]
    assert [(dead_letter["reason"], dead_letter["attempts"]) for dead_letter in rig.dead_letters()] == [("away", 3)]


async def test_refusal(start):
    """The bad entry is tried alone, then set aside. No other entry waits for it."""
    rig = start(Target({b"2": [BAD] * 9}), retries=1).add(b"1", b"2", b"3").run()
    await eventually(
        lambda: sorted(rig.acknowledger.acked) == [b"1", b"2", b"3"]
    )  # after it is in the dead-letter file
    assert rig.target.calls == [[b"1", b"2", b"3"], [b"2"]]
    (dead_letter,) = rig.dead_letters()
    assert (dead_letter["reason"], dead_letter["details"], dead_letter["attempts"]) == ("bad", "why", 2)
    assert rig.counters.dead_letters == 1


async def test_refusal_that_passes(start):
    """It is written at a later attempt."""
    rig = start(Target({b"1": [BAD, BAD]}), retries=2).add(b"1").run()
    await eventually(lambda: rig.acknowledger.acked == [b"1"])
    assert rig.dead_letters() == []


async def test_turned_away(start):
    """Written entries are acknowledged at once, rejected ones become dead letters, throttled ones are retried."""
    rig = start(Target({b"1": [BUSY] * 5, b"2": [BAD] * 9}), retries=0).add(b"1", b"2", b"3").run()
    await eventually(lambda: rig.acknowledger.acked == [b"3", b"2"])
    rig.add(b"4")
    await eventually(lambda: b"4" in rig.acknowledger.acked)
    await eventually(lambda: b"1" in rig.acknowledger.acked)
    assert [dead_letter["record"] for dead_letter in rig.dead_letters()] == [2]
    assert rig.target.calls[0] == [b"1", b"2", b"3"]
    assert rig.target.calls.count([b"1"]) == 5
    assert not rig.counters.outage


async def test_turned_away_for_good(start):
    """A record that the sink never accepts delays no others, and is retried as long as the record stream keeps it."""
    rig = start(Target({b"1": [BUSY] * 1000}), retries=0).add(b"1", b"2").run()
    for number in range(3, 9):
        text = str(number).encode()
        rig.add(text)
        await eventually(lambda text=text: text in rig.acknowledger.acked)
    await rig.end()
    assert rig.dead_letters() == []
    assert rig.acknowledger.nacked == [b"1"]


async def test_turned_away_without_the_record_log(start):
    """After the retries it becomes a dead letter."""
    rig = start(Target({b"1": [BUSY] * 9}), retries=1).add(b"1", b"2", durable=False).run()
    await eventually(lambda: rig.acknowledger.acked == [b"2", b"1"])
    assert [(dead_letter["reason"], dead_letter["attempts"]) for dead_letter in rig.dead_letters()] == [("busy", 2)]


async def test_all_turned_away(start):
    """If the sink accepts none of a new batch, no more is tried for now. Later each record is tried separately."""
    busy = Fault(FaultKind.BUSY, "busy", retry_after=0.2)
    rig = start(Target({b"1": [busy, BUSY], b"2": [busy]})).add(b"1", b"2").run()
    await eventually(lambda: rig.counters.outage == "busy")
    rig.add(b"3")
    await eventually(lambda: sorted(rig.acknowledger.acked) == [b"1", b"2", b"3"])
    assert rig.target.calls[:2] == [[b"1", b"2"]] * 2
    assert not rig.counters.outage


async def test_broken_sink(start):
    """An internal error of a sink is an outage: no record is lost because of it."""
    rig = start(Target({b"1": [ZeroDivisionError()]})).add(b"1").run()
    await eventually(lambda: rig.acknowledger.acked == [b"1"])


async def test_swap(start):
    """The current batch ends on the old sink, which is closed. Later entries go to the new one."""
    rig = start(Target()).add(b"1")
    rig.target.gate.clear()
    rig.run()
    await eventually(lambda: rig.target.calls)
    between, new = Target(), Target()
    rig.delivery.swap(between, rig.delivery_policy)
    rig.delivery.swap(new, rig.delivery_policy)
    rig.add(b"2")
    rig.target.gate.set()
    await eventually(lambda: rig.acknowledger.acked == [b"1", b"2"])
    assert (rig.target.taken, between.taken, new.taken) == ([b"1"], [], [b"2"])
    assert (rig.target.closed, between.closed, new.closed) == (1, 1, 0)


async def test_swap_ends_an_outage(start):
    """A new sink is tried at once, with the entries that waited for the old one."""
    away = Fault(FaultKind.OUTAGE, "away", retry_after=800)
    rig = start(Target({b"1": [away]})).add(b"1").run()
    await eventually(lambda: rig.counters.outage)
    new = Target()
    rig.delivery.swap(new, rig.delivery_policy)
    await eventually(lambda: new.taken == [b"1"])


async def test_stop_during_an_outage(start):
    """Entries that the record stream keeps are nacked."""
    away = Fault(FaultKind.OUTAGE, "away", retry_after=800)
    rig = start(Target({b"1": [away]})).add(b"1").run()
    await eventually(lambda: rig.counters.outage)
    rig.add(b"2")
    await rig.end()
    assert rig.acknowledger.nacked == [b"1", b"2"]
    assert rig.acknowledger.acked == []


async def test_stop_without_the_record_log(start):
    """An entry that exists nowhere else is written if the sink accepts it, and otherwise becomes a dead letter."""
    away = Fault(FaultKind.OUTAGE, "away", retry_after=800)
    rig = start(Target({b"1": [away, away]})).add(b"1", durable=False).run()
    await eventually(lambda: rig.delivery.pending)
    rig.add(b"2", durable=False)
    await rig.end()
    assert rig.target.taken == [b"2"]
    assert [dead_letter["record"] for dead_letter in rig.dead_letters()] == [1]


async def test_cancelled_in_a_write(start):
    """It is unknown what was written: entries of the record stream are redelivered, the others are tried once more."""
    rig = start(Target()).add(b"1").add(b"2", durable=False)
    rig.target.gate.clear()
    rig.run()
    await eventually(lambda: rig.target.calls)
    rig.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rig.task
    rig.target.gate.set()
    await rig.delivery.drain()
    assert rig.acknowledger.nacked == [b"1"]
    assert rig.target.taken == [b"2"]


async def test_target_that_hangs_at_the_end(start):
    """The end of the service does not wait for it: they become dead letters."""
    rig = start(Target()).run()
    rig.target.gate.clear()
    rig.delivery.stop()
    await rig.task
    rig.add(b"1", durable=False)
    await rig.delivery.drain()
    assert [dead_letter["record"] for dead_letter in rig.dead_letters()] == [1]


async def test_no_place_for_dead_letters(start, tmp_path):
    """Entries that the record stream keeps are retried until there is space. The others are counted as lost."""
    (tmp_path / "log").write_text("")
    rig = start(Target({b"1": [BAD] * 3, b"2": [BAD] * 9}), retries=0).add(b"1").add(b"2", durable=False).run()
    await eventually(lambda: rig.acknowledger.acked == [b"1"])
    assert rig.counters.lost == 1


async def test_shape(start):
    """Records reach the sink in their configured shape."""
    rig = start(Target(), shape=Shape.of({"exclude": ["b"]}))
    rig.add(b'{"a":1,"b":2}').run()
    await eventually(lambda: rig.target.taken == [b'{"a":1}'])


faults = st.lists(st.sampled_from([AWAY, BAD, BUSY, None]), max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), faults), max_size=8), st.integers(0, 2))
def test_each_entry_ends_once(tmp_path_factory, plan, retries):
    """Whatever fails how often: each entry is written or a dead letter, once, and is acknowledged once."""

    async def scene():
        texts = [str(number).encode() for number in range(len(plan))]
        target = Target({text: those for text, (_, those) in zip(texts, plan, strict=True)})
        rig = DeliveryRig(tmp_path_factory.mktemp("house"), target, retries)
        for text, (durable, _) in zip(texts, plan, strict=True):
            rig.add(text, durable=durable)
        rig.run()
        await eventually(lambda: len(rig.acknowledger.acked) == len(plan))
        await rig.end()
        ends = target.taken + [str(dead_letter["record"]).encode() for dead_letter in rig.dead_letters()]
        assert sorted(ends) == sorted(texts) == sorted(rig.acknowledger.acked)
        assert rig.acknowledger.nacked == []

    asyncio.run(scene())
