"""From the buffer to the target, with a target and an origin written by hand."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.nats2log.buffer import Buffer
from services.nats2log.config import RetryPolicy
from services.nats2log.deadletter import DeadLetterFile
from services.nats2log.deliver import Delivery, DeliveryContext, DeliveryPolicy
from services.nats2log.entry import Entry
from services.nats2log.meter import Meter
from services.nats2log.shape import Shape
from services.nats2log.sinks.sink import Failure, Fault, Kind
from tests.support.waiting import eventually

AWAY, BAD, BUSY = Fault(Kind.OUTAGE, "away"), Fault(Kind.REFUSAL, "bad", "why"), Fault(Kind.BUSY, "busy")


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


class Origin:
    """Where entries came from."""

    def __init__(self):
        self.acknowledged = []
        self.returned = []

    async def acknowledge(self, entries):
        self.acknowledged += [entry.data for entry in entries]

    async def nack(self, entries):
        self.returned += [entry.data for entry in entries]


class House:
    """A delivery with all its neighbours."""

    def __init__(self, folder, target, retries=2, shape=None):
        self.target = target
        self.origin = Origin()
        self.buffer = Buffer()
        self.meter = Meter()
        self.dead = DeadLetterFile(folder, "sink")
        self.delivery_policy = DeliveryPolicy(RetryPolicy(retries, 1), shape or Shape())
        self.delivery = Delivery(
            target, self.delivery_policy, self.origin, DeliveryContext(self.buffer, self.dead, self.meter)
        )
        self.task = None

    def add(self, *texts, durable=True):
        for text in texts:
            self.buffer.add(Entry(text, reply="reply" if durable else "", key=text.decode()))
        return self

    def run(self):
        self.task = asyncio.create_task(self.delivery.run())
        return self

    async def end(self):
        self.delivery.stop()
        async with asyncio.timeout(30):
            await self.task
        await self.delivery.leave()

    def letters(self):
        try:
            return [json.loads(line) for line in self.dead.path.read_text().splitlines()]
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
    """What waits goes together, and is acknowledged after the write."""
    at = house(Target()).add(b"1", b"2", b"3").run()
    await eventually(lambda: at.origin.acknowledged == [b"1", b"2", b"3"])
    assert at.target.calls == [[b"1", b"2", b"3"]]
    assert at.meter.written == 3


async def test_outage_with_the_record_log(house):
    """Nothing is given up, nothing new is taken, everything comes in order in the end."""
    at = house(Target({b"1": [AWAY] * 5}), retries=0).add(b"1").run()
    await eventually(lambda: at.meter.outage == "away")
    at.add(b"2")
    await eventually(lambda: at.origin.acknowledged == [b"1", b"2"])
    assert at.target.calls == [[b"1"]] * 6 + [[b"2"]]
    assert at.letters() == []
    assert (at.meter.outage, at.meter.failed_attempts) == ("", 5)


async def test_outage_without_it(house):
    """After the retries it is a dead letter; others flow on meanwhile."""
    at = house(Target({b"1": [AWAY] * 9}), retries=2).add(b"1", b"2", durable=False).run()
    await eventually(lambda: at.origin.acknowledged == [b"2", b"1"])  # after the letter is in the file
    assert at.target.calls == [[b"1", b"2"], [b"1"], [b"1"]]
    assert [(letter["reason"], letter["attempts"]) for letter in at.letters()] == [("away", 3)]


async def test_refusal(house):
    """The bad one is tried alone, then put aside; nobody waits for it."""
    at = house(Target({b"2": [BAD] * 9}), retries=1).add(b"1", b"2", b"3").run()
    await eventually(lambda: sorted(at.origin.acknowledged) == [b"1", b"2", b"3"])  # after the letter is in the file
    assert at.target.calls == [[b"1", b"2", b"3"], [b"2"]]
    (letter,) = at.letters()
    assert (letter["reason"], letter["details"], letter["attempts"]) == ("bad", "why", 2)
    assert at.meter.dead_letters == 1


async def test_refusal_that_passes(house):
    """Taken at a later attempt."""
    at = house(Target({b"1": [BAD, BAD]}), retries=2).add(b"1").run()
    await eventually(lambda: at.origin.acknowledged == [b"1"])
    assert at.letters() == []


async def test_turned_away(house):
    """What is taken is acknowledged at once, what is refused is dead-lettered, what is turned away is tried again."""
    at = house(Target({b"1": [BUSY] * 5, b"2": [BAD] * 9}), retries=0).add(b"1", b"2", b"3").run()
    await eventually(lambda: at.origin.acknowledged == [b"3", b"2"])
    at.add(b"4")
    await eventually(lambda: b"4" in at.origin.acknowledged)
    await eventually(lambda: b"1" in at.origin.acknowledged)
    assert [letter["record"] for letter in at.letters()] == [2]
    assert at.target.calls[0] == [b"1", b"2", b"3"]
    assert at.target.calls.count([b"1"]) == 5
    assert not at.meter.outage


async def test_turned_away_for_good(house):
    """A record that the target never takes holds up nobody, and is not given up as long as the record log keeps it."""
    at = house(Target({b"1": [BUSY] * 1000}), retries=0).add(b"1", b"2").run()
    for number in range(3, 9):
        text = str(number).encode()
        at.add(text)
        await eventually(lambda text=text: text in at.origin.acknowledged)
    await at.end()
    assert at.letters() == []
    assert at.origin.returned == [b"1"]


async def test_turned_away_without_the_record_log(house):
    """After the retries it is a dead letter."""
    at = house(Target({b"1": [BUSY] * 9}), retries=1).add(b"1", b"2", durable=False).run()
    await eventually(lambda: at.origin.acknowledged == [b"2", b"1"])
    assert [(letter["reason"], letter["attempts"]) for letter in at.letters()] == [("busy", 2)]


async def test_all_turned_away(house):
    """A target that takes none of a new batch takes no more now; of the next attempt on each record is on its own."""
    busy = Fault(Kind.BUSY, "busy", retry_after=0.2)
    at = house(Target({b"1": [busy, BUSY], b"2": [busy]})).add(b"1", b"2").run()
    await eventually(lambda: at.meter.outage == "busy")
    at.add(b"3")
    await eventually(lambda: sorted(at.origin.acknowledged) == [b"1", b"2", b"3"])
    assert at.target.calls[:2] == [[b"1", b"2"]] * 2
    assert not at.meter.outage


async def test_broken_sink(house):
    """A sink's own mistake is an outage: no record is lost for it."""
    at = house(Target({b"1": [ZeroDivisionError()]})).add(b"1").run()
    await eventually(lambda: at.origin.acknowledged == [b"1"])


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
    await eventually(lambda: at.origin.acknowledged == [b"1", b"2"])
    assert (at.target.taken, between.taken, new.taken) == ([b"1"], [], [b"2"])
    assert (at.target.closed, between.closed, new.closed) == (1, 1, 0)


async def test_swap_ends_an_outage(house):
    """A new sink is tried at once with what waited for the old one."""
    away = Fault(Kind.OUTAGE, "away", retry_after=800)
    at = house(Target({b"1": [away]})).add(b"1").run()
    await eventually(lambda: at.meter.outage)
    new = Target()
    at.delivery.swap(new, at.delivery_policy)
    await eventually(lambda: new.taken == [b"1"])


async def test_stop_during_an_outage(house):
    """What the record log keeps is given back."""
    away = Fault(Kind.OUTAGE, "away", retry_after=800)
    at = house(Target({b"1": [away]})).add(b"1").run()
    await eventually(lambda: at.meter.outage)
    at.add(b"2")
    await at.end()
    assert at.origin.returned == [b"1", b"2"]
    assert at.origin.acknowledged == []


async def test_stop_without_the_record_log(house):
    """What nobody else has is written if the target takes it, and else is a dead letter."""
    away = Fault(Kind.OUTAGE, "away", retry_after=800)
    at = house(Target({b"1": [away, away]})).add(b"1", durable=False).run()
    await eventually(lambda: at.delivery.held)
    at.add(b"2", durable=False)
    await at.end()
    assert at.target.taken == [b"2"]
    assert [letter["record"] for letter in at.letters()] == [1]


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
    await at.delivery.leave()
    assert at.origin.returned == [b"1"]
    assert at.target.taken == [b"2"]


async def test_target_that_hangs_at_the_end(house):
    """The end of a service does not wait for it: dead letters."""
    at = house(Target()).run()
    at.target.gate.clear()
    at.delivery.stop()
    await at.task
    at.add(b"1", durable=False)
    await at.delivery.leave()
    assert [letter["record"] for letter in at.letters()] == [1]


async def test_no_place_for_dead_letters(house, tmp_path):
    """What the record log keeps is tried on until there is a place; what it does not keep is counted as lost."""
    (tmp_path / "log").write_text("")
    at = house(Target({b"1": [BAD] * 3, b"2": [BAD] * 9}), retries=0).add(b"1").add(b"2", durable=False).run()
    await eventually(lambda: at.origin.acknowledged == [b"1"])
    assert at.meter.lost == 1


async def test_shape(house):
    """Records reach the target in their shape."""
    at = house(Target(), shape=Shape.of({"exclude": ["b"]}))
    at.add(b'{"a":1,"b":2}').run()
    await eventually(lambda: at.target.taken == [b'{"a":1}'])


faults = st.lists(st.sampled_from([AWAY, BAD, BUSY, None]), max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), faults), max_size=8), st.integers(0, 2))
def test_each_entry_ends_once(tmp_path_factory, plan, retries):
    """Whatever fails how often: each entry is in the target or a dead letter, once, and acknowledged once."""

    async def scene():
        texts = [str(number).encode() for number in range(len(plan))]
        target = Target({text: those for text, (_, those) in zip(texts, plan, strict=True)})
        at = House(tmp_path_factory.mktemp("house"), target, retries)
        for text, (durable, _) in zip(texts, plan, strict=True):
            at.add(text, durable=durable)
        at.run()
        await eventually(lambda: len(at.origin.acknowledged) == len(plan))
        await at.end()
        ends = target.taken + [str(letter["record"]).encode() for letter in at.letters()]
        assert sorted(ends) == sorted(texts) == sorted(at.origin.acknowledged)
        assert at.origin.returned == []

    asyncio.run(scene())
