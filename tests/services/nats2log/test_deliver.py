"""From the buffer to the target, with a target and an origin written by hand."""

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
    """A sink that fails as told: `faults` by the data of an entry, one for each attempt."""

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
    """Where entries came from."""

    def __init__(self):
        self.acked = []
        self.nacked = []

    async def ack(self, entries):
        self.acked += [entry.data for entry in entries]

    async def nack(self, entries):
        self.nacked += [entry.data for entry in entries]


class House:
    """A delivery with all its neighbours."""

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
async def house(tmp_path):
    """Makes houses, and ends what runs in them."""
    houses = []

    def make(target, **options):
        houses.append(House(tmp_path, target, **options))
        return houses[-1]

    yield make
    for each in houses:
        if each.task is not None and not each.task.done():
            each.target.gate.set()
            await each.end()


async def test_one_batch(house):
    """What waits goes together, and is settled after the write."""
    at = house(Target()).add(b"1", b"2", b"3").run()
    await eventually(lambda: at.acknowledger.acked == [b"1", b"2", b"3"])
    assert at.target.calls == [[b"1", b"2", b"3"]]
    assert at.counters.written == 3


async def test_outage_with_the_record_log(house):
    """Nothing is given up, nothing new is taken, everything comes in order in the end."""
    at = house(Target({b"1": [AWAY] * 5}), retries=0).add(b"1").run()
    await eventually(lambda: at.counters.outage == "away")
    at.add(b"2")
    await eventually(lambda: at.acknowledger.acked == [b"1", b"2"])
    assert at.target.calls == [[b"1"]] * 6 + [[b"2"]]
    assert at.dead_letters() == []
    assert (at.counters.outage, at.counters.failed_attempts) == ("", 5)


async def test_outage_without_it(house):
    """After the retries it is a dead letter; others flow on meanwhile."""
    at = house(Target({b"1": [AWAY] * 9}), retries=2).add(b"1", b"2", durable=False).run()
    await eventually(lambda: at.acknowledger.acked == [b"2", b"1"])  # after the letter is in the file
    assert at.target.calls == [[b"1", b"2"], [b"1"], [b"1"]]
    assert [(dead_letter["reason"], dead_letter["attempts"]) for dead_letter in at.dead_letters()] == [("away", 3)]


async def test_refusal(house):
    """The bad one is tried alone, then put aside; nobody waits for it."""
    at = house(Target({b"2": [BAD] * 9}), retries=1).add(b"1", b"2", b"3").run()
    await eventually(lambda: sorted(at.acknowledger.acked) == [b"1", b"2", b"3"])  # after the letter is in the file
    assert at.target.calls == [[b"1", b"2", b"3"], [b"2"]]
    (dead_letter,) = at.dead_letters()
    assert (dead_letter["reason"], dead_letter["details"], dead_letter["attempts"]) == ("bad", "why", 2)
    assert at.counters.dead_letters == 1


async def test_refusal_that_passes(house):
    """Taken at a later attempt."""
    at = house(Target({b"1": [BAD, BAD]}), retries=2).add(b"1").run()
    await eventually(lambda: at.acknowledger.acked == [b"1"])
    assert at.dead_letters() == []


async def test_turned_away(house):
    """What is taken is settled at once, what is refused becomes a dead letter, what is turned away is tried again."""
    at = house(Target({b"1": [BUSY] * 5, b"2": [BAD] * 9}), retries=0).add(b"1", b"2", b"3").run()
    await eventually(lambda: at.acknowledger.acked == [b"3", b"2"])
    at.add(b"4")
    await eventually(lambda: b"4" in at.acknowledger.acked)
    await eventually(lambda: b"1" in at.acknowledger.acked)
    assert [dead_letter["record"] for dead_letter in at.dead_letters()] == [2]
    assert at.target.calls[0] == [b"1", b"2", b"3"]
    assert at.target.calls.count([b"1"]) == 5
    assert not at.counters.outage


async def test_turned_away_for_good(house):
    """A record that the target never takes holds up nobody, and is not given up as long as the record log keeps it."""
    at = house(Target({b"1": [BUSY] * 1000}), retries=0).add(b"1", b"2").run()
    for number in range(3, 9):
        text = str(number).encode()
        at.add(text)
        await eventually(lambda text=text: text in at.acknowledger.acked)
    await at.end()
    assert at.dead_letters() == []
    assert at.acknowledger.nacked == [b"1"]


async def test_turned_away_without_the_record_log(house):
    """After the retries it is a dead letter."""
    at = house(Target({b"1": [BUSY] * 9}), retries=1).add(b"1", b"2", durable=False).run()
    await eventually(lambda: at.acknowledger.acked == [b"2", b"1"])
    assert [(dead_letter["reason"], dead_letter["attempts"]) for dead_letter in at.dead_letters()] == [("busy", 2)]


async def test_all_turned_away(house):
    """A target that takes none of a new batch takes no more now; of the next attempt on each record is on its own."""
    busy = Fault(FaultKind.BUSY, "busy", retry_after=0.2)
    at = house(Target({b"1": [busy, BUSY], b"2": [busy]})).add(b"1", b"2").run()
    await eventually(lambda: at.counters.outage == "busy")
    at.add(b"3")
    await eventually(lambda: sorted(at.acknowledger.acked) == [b"1", b"2", b"3"])
    assert at.target.calls[:2] == [[b"1", b"2"]] * 2
    assert not at.counters.outage


async def test_broken_sink(house):
    """A sink's own mistake is an outage: no record is lost for it."""
    at = house(Target({b"1": [ZeroDivisionError()]})).add(b"1").run()
    await eventually(lambda: at.acknowledger.acked == [b"1"])


async def test_swap(house):
    """The batch in hand ends on the old sink, which is closed; what comes goes to the new one."""
    at = house(Target()).add(b"1")
    at.target.gate.clear()
    at.run()
    await eventually(lambda: at.target.calls)
    between, new = Target(), Target()
    at.delivery.swap(between, at.delivery_policy)
    at.delivery.swap(new, at.delivery_policy)
    at.add(b"2")
    at.target.gate.set()
    await eventually(lambda: at.acknowledger.acked == [b"1", b"2"])
    assert (at.target.taken, between.taken, new.taken) == ([b"1"], [], [b"2"])
    assert (at.target.closed, between.closed, new.closed) == (1, 1, 0)


async def test_swap_ends_an_outage(house):
    """A new sink is tried at once with what waited for the old one."""
    away = Fault(FaultKind.OUTAGE, "away", retry_after=800)
    at = house(Target({b"1": [away]})).add(b"1").run()
    await eventually(lambda: at.counters.outage)
    new = Target()
    at.delivery.swap(new, at.delivery_policy)
    await eventually(lambda: new.taken == [b"1"])


async def test_stop_during_an_outage(house):
    """What the record log keeps is given back."""
    away = Fault(FaultKind.OUTAGE, "away", retry_after=800)
    at = house(Target({b"1": [away]})).add(b"1").run()
    await eventually(lambda: at.counters.outage)
    at.add(b"2")
    await at.end()
    assert at.acknowledger.nacked == [b"1", b"2"]
    assert at.acknowledger.acked == []


async def test_stop_without_the_record_log(house):
    """What nobody else has is written if the target takes it, and else is a dead letter."""
    away = Fault(FaultKind.OUTAGE, "away", retry_after=800)
    at = house(Target({b"1": [away, away]})).add(b"1", durable=False).run()
    await eventually(lambda: at.delivery.pending)
    at.add(b"2", durable=False)
    await at.end()
    assert at.target.taken == [b"2"]
    assert [dead_letter["record"] for dead_letter in at.dead_letters()] == [1]


async def test_cancelled_in_a_write(house):
    """Nobody knows what was written: the record log shall bring it again, the rest is tried once more."""
    at = house(Target()).add(b"1").add(b"2", durable=False)
    at.target.gate.clear()
    at.run()
    await eventually(lambda: at.target.calls)
    at.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await at.task
    at.target.gate.set()
    await at.delivery.drain()
    assert at.acknowledger.nacked == [b"1"]
    assert at.target.taken == [b"2"]


async def test_target_that_hangs_at_the_end(house):
    """The end of a service does not wait for it: dead letters."""
    at = house(Target()).run()
    at.target.gate.clear()
    at.delivery.stop()
    await at.task
    at.add(b"1", durable=False)
    await at.delivery.drain()
    assert [dead_letter["record"] for dead_letter in at.dead_letters()] == [1]


async def test_no_place_for_dead_letters(house, tmp_path):
    """What the record log keeps is tried on until there is a place; what it does not keep is counted as lost."""
    (tmp_path / "log").write_text("")
    at = house(Target({b"1": [BAD] * 3, b"2": [BAD] * 9}), retries=0).add(b"1").add(b"2", durable=False).run()
    await eventually(lambda: at.acknowledger.acked == [b"1"])
    assert at.counters.lost == 1


async def test_shape(house):
    """Records reach the target in their shape."""
    at = house(Target(), shape=Shape.of({"exclude": ["b"]}))
    at.add(b'{"a":1,"b":2}').run()
    await eventually(lambda: at.target.taken == [b'{"a":1}'])


faults = st.lists(st.sampled_from([AWAY, BAD, BUSY, None]), max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), faults), max_size=8), st.integers(0, 2))
def test_each_entry_ends_once(tmp_path_factory, plan, retries):
    """Whatever fails how often: each entry is in the target or a dead letter, once, and settled once."""

    async def scene():
        texts = [str(number).encode() for number in range(len(plan))]
        target = Target({text: those for text, (_, those) in zip(texts, plan, strict=True)})
        at = House(tmp_path_factory.mktemp("house"), target, retries)
        for text, (durable, _) in zip(texts, plan, strict=True):
            at.add(text, durable=durable)
        at.run()
        await eventually(lambda: len(at.acknowledger.acked) == len(plan))
        await at.end()
        ends = target.taken + [str(dead_letter["record"]).encode() for dead_letter in at.dead_letters()]
        assert sorted(ends) == sorted(texts) == sorted(at.acknowledger.acked)
        assert at.acknowledger.nacked == []

    asyncio.run(scene())
