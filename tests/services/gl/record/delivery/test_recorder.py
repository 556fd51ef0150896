"""The recorder: what cannot be published waits, in order, and nothing is published twice without need."""

import asyncio
import json
import shutil

import pytest

from gecholog import wire
from gecholog.errors import BusAway, NoAnswer, NobodyListens
from gecholog.recordlog import Limits, RecordLogConfig
from gecholog.recordstatus import RecordStatus, RecordStatusFile
from services.gl.record.delivery.backpressure import Backpressure
from services.gl.record.delivery.recorder import Recorder
from services.gl.record.journal.journal import Journal
from services.gl.record.journal.orphans import unacknowledged_records
from tests.support.waiting import DEADLINE, eventually

SUBJECT = "coburn.gl.logger"
MIB = 1024 * 1024


class FakeBus:
    """A bus with JetStream, or without; `away` loses it.

    `lose_acks` acknowledgements do not come; `silent` holds them all back, until `speak`; `refusal` is said instead.
    """

    def __init__(self, *, durable=True, max_payload=MIB):
        self.max_payload = max_payload
        self.connected = True
        self.taken = []
        self.lose_acks = 0
        self.silent = False
        self.refusal = None
        self.room = True
        self._unsaid = []
        self._durable = durable
        self._announcements = []

    def on_connect(self, announcement):
        self._announcements.append(announcement)

    async def back(self):
        self.connected = True
        for announcement in self._announcements:
            await announcement(self)

    def speak(self):
        self.silent = False
        for on_reply in self._unsaid:
            on_reply(b'{"stream":"GECHOLOG","seq":1}')
        self._unsaid.clear()

    def tell(self, subject, data, headers=b"", *, lazily=False):
        if not self.connected:
            raise BusAway("no connection to the bus")
        assert subject == SUBJECT
        assert lazily
        self.taken.append((wire.decoded(headers)["Nats-Msg-Id"], json.loads(data)))

    def ask(self, subject, data, timeout, on_reply, headers=b"", *, lazily=False):
        self.tell(subject, data, headers, lazily=lazily)
        reply = b'{"stream":"GECHOLOG","seq":1}'
        if self.silent:
            self._unsaid.append(on_reply)
            return
        if self.refusal:
            reply = json.dumps({"stream": "GECHOLOG", "error": {"code": 429, "description": self.refusal}}).encode()
        if self.lose_acks or not self._durable:
            self.lose_acks = max(0, self.lose_acks - 1)
            reply = NoAnswer("no answer in 5000 ms")
        asyncio.get_running_loop().call_soon(on_reply, reply)

    async def publish(self, subject, data, headers=b"", *, lazily=False):
        self.tell(subject, data, headers, lazily=lazily)

    async def request(self, subject, data, timeout, headers=b"", *, lazily=False):  # noqa: ASYNC109 - the bus's own
        if not self.connected:
            raise BusAway("no connection to the bus")
        if subject == SUBJECT:
            reply = asyncio.get_running_loop().create_future()
            self.ask(subject, data, timeout, reply.set_result, headers, lazily=lazily)
            message_on = await reply
            if isinstance(message_on, Exception):
                raise message_on
            return message_on
        if not self._durable:
            raise NobodyListens("no subscriber on coburn.gl.logger")
        if not self.room and "STREAM.NAMES" in subject:
            return b'{"streams":[]}'
        if not self.room:
            code = 10047 if "CREATE" in subject else 10059
            return json.dumps({"error": {"err_code": code, "description": "insufficient storage"}}).encode()
        if "STREAM.NAMES" in subject:
            return b'{"streams":["GECHOLOG"]}'
        config = {"name": "GECHOLOG", "subjects": [SUBJECT], "max_bytes": 1 << 40, "max_age": 0}
        return json.dumps({"config": config, "created": ""}).encode()


def name(number):
    return number.to_bytes(16, "big")


def record(number, **more):
    return json.dumps({"transaction_id": f"T{number}", "request": {}, "response": {}} | more).encode()


@pytest.fixture
async def start(tmp_path):
    """Starts recorders on one journal folder."""
    running = []

    async def begin(bus, limit=100 * MIB, most_held=None, **more):
        recorder = Recorder(tmp_path / "journal", limit, **more)
        if most_held is not None:
            recorder._backlog._most_held, recorder._backlog._most_short = most_held, 0
        await recorder.publish_to(bus, SUBJECT, RecordLogConfig(limits=Limits()))
        running.append((recorder, asyncio.create_task(recorder.run())))
        return recorder

    async def end():
        while running:
            recorder, task = running.pop()
            task.cancel()
            await asyncio.wait([task])
            await recorder.stop(0.01)

    begin.end = end
    yield begin
    await end()


@pytest.mark.parametrize("durable", [True, False])
async def test_published(start, durable):
    """A record is published under its id, with JetStream and without."""
    bus = FakeBus(durable=durable)
    recorder = await start(bus)
    recorder.accept(name(1), record(1))
    recorder.publish(name(1), record(1, final=True))
    assert bus.taken == [(name(1).hex(), json.loads(record(1, final=True)))]


async def test_waits_for_the_bus(start):
    """While the bus is away records wait; when it is back they are published in order."""
    bus = FakeBus()
    recorder = await start(bus)
    bus.connected = False
    for number in range(200):
        recorder.accept(name(number), record(number))
        recorder.publish(name(number), record(number))
    assert bus.taken == []
    await bus.back()
    await eventually(lambda: len(bus.taken) >= 200, "the backlog")
    assert [fields["transaction_id"] for _, fields in bus.taken] == [f"T{number}" for number in range(200)]
    assert "error" not in bus.taken[0][1]


async def test_final_record_is_stored_once(start, tmp_path):
    """A record that is accepted as final is not written again when the bus is away; the next process publishes it."""
    bus = FakeBus()
    recorder = await start(bus)
    bus.connected = False
    for number in range(3):
        data = record(number)
        recorder.accept(name(number), data, is_final=True)
        before = recorder._backlog.journal.size
        recorder.publish(name(number), data, is_stored=True)
        assert recorder._backlog.journal.size == before
    await start.end()
    later = FakeBus()
    await start(later)
    await eventually(lambda: len(later.taken) == 3, "the records of the dead")
    assert all("error" not in fields for _, fields in later.taken)


async def test_final_record_that_the_journal_could_not_take(start):
    """It waits in memory, like any other."""
    bus = FakeBus()
    recorder = await start(bus, limit=100)
    bus.connected = False
    recorder.accept(name(1), record(1, text="x" * 1000), is_final=True)
    recorder.publish(name(1), record(1, text="x" * 1000), is_stored=True)
    await bus.back()
    await eventually(lambda: bus.taken, "the record")


async def test_word_that_was_lost(start):
    """A record whose acknowledgement was lost is published again under the same id."""
    bus = FakeBus()
    recorder = await start(bus)
    bus.lose_acks = 1
    recorder.publish(name(1), record(1))
    await eventually(lambda: len(bus.taken) == 2, "the second attempt")
    assert {record_id for record_id, _ in bus.taken} == {name(1).hex()}


async def test_left_by_a_dead_process(start, tmp_path):
    """What a dead process accepted is published by the next one, with a note; what it had settled, without."""
    dead = Journal(tmp_path / "journal", MIB)
    dead.append(b"a", name(1), record(1))
    dead.append(b"f", name(2), record(2))
    dead.append(b"a", name(3), record(3))
    dead.acknowledge(name(3))
    dead.close()
    bus = FakeBus()
    await start(bus)
    await eventually(lambda: len(bus.taken) == 2, "the records of the dead")
    shown = dict(bus.taken)
    assert [error["name"] for error in shown[name(1).hex()]["error"]] == ["recovered"]
    assert "error" not in shown[name(2).hex()]


async def test_damaged_journal(start, tmp_path, caplog):
    """A copy that is no record (a disk may lose something) is dropped, and that is said; the others are published."""
    dead = Journal(tmp_path / "journal", MIB)
    dead.append(b"a", name(1), bytes(100))
    dead.append(b"a", name(2), record(2))
    dead.close()
    bus = FakeBus()
    recorder = await start(bus)
    await eventually(lambda: bus.taken, "the other record")
    assert [identity for identity, _ in bus.taken] == [name(2).hex()]
    recorder.publish(name(3), record(3))
    assert bus.taken[-1][0] == name(3).hex()
    await eventually(lambda: len(list((tmp_path / "journal").iterdir())) == 1, "the end of the folder")
    assert "its journal entry is corrupt" in caplog.text


async def test_each_complaint_is_heard(start, caplog):
    """That a record cannot be kept does not hide that one is lost, and how many are lost is known."""
    losses = []
    bus = FakeBus()
    recorder = await start(bus, limit=100, most_held=1000, on_loss=losses.append)
    bus.connected = False
    for number in range(4):
        recorder.accept(name(number), record(number, request={"a": "x" * 500}))
        recorder.publish(name(number), record(number, request={"a": "x" * 500}))
    for message in ("cannot write record to the journal", "record not published, retrying", "record lost"):
        assert caplog.text.count(message) == 1
    assert [loss.split(":")[0] for loss in losses] == ["1 records lost", "2 records lost", "3 records lost"]
    await bus.back()
    await eventually(lambda: bus.taken, "the record that was held")
    assert [fields["transaction_id"] for _, fields in bus.taken] == ["T0"]


async def test_journal_that_someone_removed(start, tmp_path):
    """gl continues, and the journal with it."""
    bus = FakeBus()
    recorder = await start(bus)
    shutil.rmtree(tmp_path / "journal")
    await bus.back()
    bus.connected = False
    for number in range(20):
        recorder.publish(name(number), record(number))
    await bus.back()
    await eventually(lambda: len(bus.taken) == 20, "all records")


async def test_left_over_at_the_end(start, tmp_path):
    """What could not be published before the end is published by the next process."""
    bus = FakeBus()
    recorder = await start(bus)
    bus.connected = False
    recorder.publish(name(1), record(1))
    await start.end()
    await start(bus)
    await bus.back()
    await eventually(lambda: bus.taken, "the record")
    assert "error" not in bus.taken[0][1]


async def test_bus_that_takes_less(start):
    """A record that waited, and does not fit the bus that is back, is cut."""
    bus = FakeBus()
    recorder = await start(bus)
    bus.connected = False
    recorder.publish(name(1), record(1, request={"ingress_payload": "x" * 100_000}))
    bus.max_payload = 20_000
    await bus.back()
    await eventually(lambda: bus.taken, "the record")
    shown = bus.taken[0][1]
    assert shown["request"]["ingress_payload"]["size"] == 100_002
    assert shown["error"]


async def test_full_journal(start, tmp_path):
    """Records that a full journal does not take wait in memory, and are let go of when the bus has them.

    Once they have gone the journal is empty, and the next process finds nothing to publish again.
    """
    bus = FakeBus()
    recorder = await start(bus, limit=2000)
    bus.connected = False
    for number in range(20):
        recorder.accept(name(number), record(number, request={"a": "x" * 500}))
        recorder.publish(name(number), record(number, request={"a": "x" * 500}))
    assert recorder._backlog.held
    await bus.back()
    await eventually(lambda: len(bus.taken) >= 20, "all records")
    await eventually(lambda: not len(recorder._backlog.journal), "an empty journal")
    assert sorted(fields["transaction_id"] for _, fields in bus.taken) == sorted(f"T{number}" for number in range(20))
    assert "error" not in bus.taken[-1][1]
    assert not recorder._backlog.held
    await start.end()
    await start(bus)
    recorder.publish(name(99), record(99))
    await asyncio.sleep(0.05)
    assert len({record_id for record_id, _ in bus.taken}) == len(bus.taken)


async def test_full_journal_and_memory(start):
    """What was accepted is published in place of a final record that nothing has room for."""
    bus = FakeBus()
    recorder = await start(bus, limit=1200, most_held=0)
    bus.connected = False
    recorder.accept(name(1), record(1, request={"a": "x" * 500}))
    recorder.publish(name(1), record(1, request={"a": "x" * 800}))
    await bus.back()
    await eventually(lambda: bus.taken, "the record")
    shown = bus.taken[0][1]
    assert shown["request"] == {"a": "x" * 500}
    assert [error["name"] for error in shown["error"]] == ["recovered"]
    assert recorder._backlog.lost == 0


async def test_held_records_move_to_the_journal(start, tmp_path):
    """As soon as the journal takes them: in memory they would not outlive the process."""
    bus = FakeBus()
    recorder = await start(bus, limit=100)
    bus.connected = False
    recorder.publish(name(1), record(1, text="x" * 100))
    assert recorder._backlog.held == 1
    recorder.resize(MIB)
    bus.lose_acks = 1000
    await bus.back()
    await eventually(lambda: not recorder._backlog.held, "the move")
    (folder,) = (tmp_path / "journal").iterdir()
    assert [kept.record_id for kept in unacknowledged_records(folder)] == [name(1)]


async def test_left_in_memory_at_the_end(start):
    """At the end of the process what only memory has is counted as lost."""
    bus = FakeBus()
    recorder = await start(bus, limit=100)
    bus.connected = False
    recorder.publish(name(1), record(1, text="x" * 100))
    await start.end()
    assert recorder._backlog.lost == 1


async def test_refused_in_a_rush(start):
    """A stream that has too much to do for a moment gets each record in the end, once, and after pauses."""
    bus = FakeBus()
    recorder = await start(bus, limit=1000)
    bus.refusal = "too many requests"
    for number in range(50):
        recorder.publish(name(number), record(number, request={"a": "x" * 500}))
    await eventually(lambda: recorder._redelivery.failures >= 2, "pauses")
    bus.refusal = None
    refused = len(bus.taken)
    await eventually(lambda: not recorder._backlog, "all records")
    assert {record_id for record_id, _ in bus.taken[refused:]} == {name(number).hex() for number in range(50)}
    assert len(bus.taken) - refused == 50
    assert recorder._backlog.lost == 0


async def test_silent_bus(start):
    """After the first records that are not acknowledged, others go to the journal at once, and nobody waits.

    The bus is tried with one record at a time; when it speaks again all are published.
    """
    bus = FakeBus(max_payload=2 * MIB)
    recorder = await start(bus, limit=1000 * MIB, backpressure=Backpressure(sent=2 * MIB))
    bus.silent = True
    large = record(0, text="x" * MIB)
    for number in range(3):
        recorder.publish(name(number), large)
    assert recorder.backpressure.is_full
    await asyncio.wait_for(recorder.backpressure.wait(), DEADLINE)  # not for the acknowledgements, except the breaker
    sent = len(bus.taken)
    for number in range(3, 40):
        recorder.publish(name(number), large)
    await asyncio.sleep(0.3)
    assert len(bus.taken) <= sent + 1
    assert not recorder.backpressure.is_full
    bus.speak()
    await eventually(lambda: not recorder._backlog and not recorder._publisher.unacknowledged, "all records")
    assert {record_id for record_id, _ in bus.taken} == {name(number).hex() for number in range(40)}


async def test_no_more_than_the_bus_can_take(start):
    """What would be too much at once waits in the journal, though the bus is well."""
    bus = FakeBus(max_payload=2 * MIB)
    recorder = await start(bus, limit=1000 * MIB, backpressure=Backpressure(sent=4 * MIB))
    bus.silent = True
    for number in range(20):
        recorder.publish(name(number), record(number, text="x" * MIB))
    assert len(bus.taken) == 4
    bus.speak()
    await eventually(lambda: len(bus.taken) == 20, "all records")
    assert len({record_id for record_id, _ in bus.taken}) == 20


async def test_calls_wait_for_a_journal_that_fills(start):
    """While the bus takes records, but too slowly, new calls wait; not while it takes none."""
    bus = FakeBus(max_payload=2 * MIB)
    recorder = await start(bus, limit=16 * MIB, backpressure=Backpressure(sent=0))
    bus.silent = True
    for number in range(14):
        recorder.publish(name(number), record(number, text="x" * MIB))
    assert recorder.backpressure.is_full
    bus.speak()
    await asyncio.wait_for(recorder.backpressure.wait(), DEADLINE)
    bus.connected = False
    recorder._publisher.breaker.trip("silence")
    for number in range(20, 40):
        recorder.publish(name(number), record(number, text="x" * MIB))
    await asyncio.wait_for(recorder.backpressure.wait(), DEADLINE)


@pytest.mark.parametrize("connected", [True, False])
async def test_calls_do_not_wait_for_a_bus_that_takes_nothing(start, connected):
    """Where nothing continues, waiting would help nobody, though the journal fills."""
    bus = FakeBus(max_payload=2 * MIB)
    recorder = await start(bus, limit=16 * MIB)
    bus.refusal = "not now"
    bus.connected = connected
    for number in range(14):
        recorder.publish(name(number), record(number, text="x" * MIB))
    recorder.backpressure.update(bypasses_bus=False, is_nearly_full=True)
    await asyncio.wait_for(recorder.backpressure.wait(), DEADLINE)


async def test_no_room_for_a_stream(start, caplog):
    """Without a stream each record is published once, to those who listen, and that is said."""
    bus = FakeBus()
    bus.room = False
    recorder = await start(bus)
    for number in range(20):
        recorder.publish(name(number), record(number))
    await asyncio.sleep(0.3)
    assert len(bus.taken) == 20
    assert caplog.text.count("no space for a record stream") == 1
    assert not len(recorder._backlog)


async def test_stream_that_is_gone(start):
    """A bus that has lost JetStream gets no records, which only plain subscribers would see, again and again."""
    bus = FakeBus()
    recorder = await start(bus)
    bus._durable = False
    bus.lose_acks = 1
    recorder.publish(name(1), record(1))
    await eventually(lambda: recorder._publisher.stream.is_missing, "the discovery")
    seen = len(bus.taken)
    recorder.publish(name(2), record(2))
    await asyncio.sleep(0.3)
    assert len(bus.taken) == seen
    bus._durable = True
    await eventually(lambda: not recorder._backlog, "both records")


async def test_missing_stream_gets_nothing_of_the_dead(start, tmp_path):
    """What a dead process left waits for the stream as well; that is found again without a call."""
    dead = Journal(tmp_path / "journal", MIB)
    dead.append(b"f", name(1), record(1))
    dead.close()
    bus = FakeBus()
    recorder = Recorder(tmp_path / "journal", MIB)
    await recorder.publish_to(bus, SUBJECT, RecordLogConfig(limits=Limits()))
    bus._durable = False
    await bus.back()
    assert recorder._publisher.stream.is_missing
    running = asyncio.create_task(recorder.run())
    await asyncio.sleep(0.3)
    assert bus.taken == []
    bus._durable = True
    await eventually(lambda: bus.taken, "the record")
    assert not recorder._publisher.stream.is_missing
    running.cancel()
    await asyncio.wait([running])
    await recorder.stop(1)


async def test_status(start, tmp_path):
    """Others can read that records are at risk, why, and how many were lost; and that all is well again."""
    file = RecordStatusFile(tmp_path / "status.json")
    file.write(RecordStatus(lost=5))
    bus = FakeBus()
    recorder = await start(bus, limit=100, most_held=0, status_file=file)
    await eventually(lambda: file.read() == RecordStatus(lost=5), "the first word")
    bus.connected = False
    recorder.publish(name(1), record(1, text="x" * 100))
    await eventually(lambda: file.read().failing, "the bad word")
    assert (file.read().lost, "6 records lost" in file.read().reason) == (6, True)


async def test_abandoned(start):
    """A record that cannot be made final is published as it was accepted, without a restart."""
    bus = FakeBus()
    recorder = await start(bus)
    recorder.accept(name(1), record(1))
    recorder.abandon(name(1))
    await eventually(lambda: bus.taken, "the record")
    assert [error["name"] for error in bus.taken[0][1]["error"]] == ["recovered"]
    await eventually(lambda: not len(recorder._backlog.journal), "an empty journal")


async def test_damage_between_records(start, tmp_path, caplog):
    """A damaged place in a dead process's journal hides nothing behind it; it is counted, and the folder goes."""
    dead = Journal(tmp_path / "journal", MIB)
    for number in range(5):
        dead.append(b"f", name(number), record(number))
    (segment,) = (path for path in dead.folder.iterdir() if path.name.isdecimal())
    dead.close()
    content = bytearray(segment.read_bytes())
    content[content.index(b'"T1"') + 1] ^= 1
    segment.write_bytes(content)
    bus = FakeBus()
    recorder = await start(bus)
    await eventually(lambda: len(bus.taken) == 4, "the other records")
    assert [fields["transaction_id"] for _, fields in bus.taken] == ["T0", "T2", "T3", "T4"]
    await eventually(lambda: recorder._monitor.state().damaged == 1, "the count")
    assert "journal of a dead process is corrupt" in caplog.text
    await eventually(lambda: len(list((tmp_path / "journal").iterdir())) == 1, "the end of the folder")


async def test_unreadable_segment(start, tmp_path):
    """A file that cannot be read hides no other, and stays for someone to look at."""
    dead = Journal(tmp_path / "journal", 100 * MIB)
    dead.append(b"f", name(1), record(1, text="x" * 17 * MIB))
    dead.append(b"f", name(2), record(2))
    folder = dead.folder
    dead.close()
    first = min(path for path in folder.iterdir() if path.name.isdecimal())
    first.unlink()
    first.mkdir()
    bus = FakeBus()
    recorder = await start(bus)
    await eventually(lambda: bus.taken, "the other record")
    await eventually(lambda: recorder._monitor.state().damaged == 1, "the count")
    assert [fields["transaction_id"] for _, fields in bus.taken] == ["T2"]
    assert first.exists()


async def test_damaged_copy_of_a_living_process(start, caplog):
    """A copy that is not what was written is not published as if it were, and holds up nothing."""
    bus = FakeBus()
    recorder = await start(bus)
    bus.connected = False
    recorder.publish(name(1), record(1))
    recorder.publish(name(2), record(2))
    (segment,) = (path for path in recorder._backlog.journal.folder.iterdir() if path.name.isdecimal())
    content = segment.read_bytes()
    with segment.open("r+b") as file:
        file.seek(content.index(b'"T1"') + 1)
        file.write(b"X")
    await bus.back()
    await eventually(lambda: bus.taken, "the other record")
    assert [fields["transaction_id"] for _, fields in bus.taken] == ["T2"]
    assert recorder._monitor.state().damaged == 1
    assert "record dropped, cannot read it from the journal" in caplog.text


async def test_unconfirmed_at_the_end(start, tmp_path):
    """A record whose acknowledgement has not come by the end is in the journal, as it is."""
    bus = FakeBus()
    recorder = await start(bus)
    words = []
    bus.ask = lambda subject, data, timeout, on_reply, headers, lazily: words.append(on_reply)  # the word does not come
    recorder.accept(name(1), record(1))
    recorder.publish(name(1), record(1, final=True))
    await start.end()
    words[0](b'{"stream":"GECHOLOG","seq":1}')  # or too late
    (folder,) = (tmp_path / "journal").iterdir()
    ((kept),) = unacknowledged_records(folder)
    assert (kept.data, kept.recovered) == (record(1, final=True), False)


async def test_releases_are_noted_soon(start, tmp_path):
    """A process that dies after a quiet moment leaves nothing of what the bus has."""
    bus = FakeBus()
    recorder = await start(bus)
    recorder.accept(name(1), record(1))
    recorder.publish(name(1), record(1))
    (folder,) = (tmp_path / "journal").iterdir()
    await eventually(lambda: not list(unacknowledged_records(folder)), "the note")


async def test_no_journal(tmp_path):
    """Where the journal's folder cannot be made, records are published nevertheless."""
    (tmp_path / "journal").write_text("a file in the way")
    bus = FakeBus()
    recorder = Recorder(tmp_path / "journal", MIB)
    await recorder.publish_to(bus, SUBJECT, RecordLogConfig(limits=Limits()))
    recorder.accept(name(1), record(1))
    recorder.publish(name(1), record(1))
    assert len(bus.taken) == 1
    await recorder.stop(0)


async def test_no_journal_and_a_slow_bus(start, tmp_path):
    """A bus that takes nothing for a moment does not cost a record that the journal cannot keep."""
    (tmp_path / "journal").write_text("a file in the way")
    bus = FakeBus()
    recorder = await start(bus)
    ask, bus.ask = bus.ask, lambda *_, **__: (_ for _ in ()).throw(BusAway("the bus does not take what is sent"))

    async def later(subject, data, timeout, headers=b"", *, lazily=False):  # noqa: ASYNC109 - the bus's own
        reply = asyncio.get_running_loop().create_future()
        ask(subject, data, timeout, reply.set_result, headers, lazily=lazily)
        return await reply

    bus.request = later
    recorder.publish(name(1), record(1))
    await eventually(lambda: bus.taken, "the record")
    await eventually(lambda: not recorder._backlog, "its release")


async def test_headers_have_room(start):
    """A record may be as large as the bus takes, less what its headers need."""
    bus = FakeBus(max_payload=10_000)
    recorder = await start(bus)
    assert 9_000 < recorder.largest < 10_000 - len("NATS/1.0\r\nNats-Msg-Id: \r\n\r\n") - 32


async def test_room(start):
    """Clients wait while too much is on its way, and continue when it has arrived, however often a record was kept."""
    bus = FakeBus(max_payload=2 * MIB)
    recorder = await start(bus, limit=1000 * MIB, backpressure=Backpressure(accepted=64 * MIB))
    large = record(0, text="x" * MIB)
    for number in range(70):
        recorder.accept(name(number), large)
        recorder.accept(name(number), large)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(recorder.backpressure.wait(), 0.05)
    for number in range(70):
        recorder.publish(name(number), large)
    await asyncio.wait_for(recorder.backpressure.wait(), DEADLINE)


async def test_room_for_large_calls(start):
    """Calls with large bodies wait for each other; those with small ones do not wait for them."""
    bus = FakeBus(max_payload=2 * MIB)
    recorder = await start(bus, limit=1000 * MIB, backpressure=Backpressure(large=8 * MIB))
    large, small = record(0, text="x" * MIB), record(0, text="x")
    for number in range(9):
        recorder.accept(name(number), large)
        recorder.accept(name(100 + number), small)
    assert recorder.backpressure.has_room(1000)
    assert not recorder.backpressure.has_room(MIB)
    await asyncio.wait_for(recorder.backpressure.wait(1000, DEADLINE), DEADLINE)
    waiting = [asyncio.create_task(recorder.backpressure.wait(MIB, DEADLINE)) for _ in range(3)]
    await asyncio.sleep(0.02)
    assert not any(task.done() for task in waiting)
    recorder.abandon(name(0))
    recorder.publish(name(1), large)
    assert all(await asyncio.wait_for(asyncio.gather(*waiting), DEADLINE)), "some of the budget is left"


async def test_large_calls_do_not_wait_for_ever(start):
    """Large calls that never end, as those of clients who do not read, hold others up for a moment only."""
    bus = FakeBus(max_payload=2 * MIB)
    recorder = await start(bus, limit=1000 * MIB, backpressure=Backpressure(large=1000))
    recorder.accept(name(1), record(1, text="x" * MIB))
    assert not recorder.backpressure.has_room(MIB)
    assert await asyncio.wait_for(recorder.backpressure.wait(MIB, 0.05), DEADLINE) == 0
    assert not recorder.backpressure.has_room(MIB)


async def test_what_waited_is_noted_as_released(start, tmp_path):
    """A record that was published out of the journal is not published again by the next process."""
    bus = FakeBus()
    recorder = await start(bus)
    bus.connected = False
    recorder.publish(name(1), record(1))
    await bus.back()
    await eventually(lambda: bus.taken, "the record")
    (folder,) = (tmp_path / "journal").iterdir()
    await eventually(lambda: not list(unacknowledged_records(folder)), "the note")


async def test_nobody_waits_for_what_is_over(start):
    """Who comes when all records have gone does not wait, though it was full when the last one looked."""
    bus = FakeBus(max_payload=2 * MIB)
    recorder = await start(bus, limit=1000 * MIB, backpressure=Backpressure(accepted=1000))
    recorder.accept(name(1), record(1, text="x" * 2000))
    assert recorder.backpressure.is_full
    recorder.publish(name(1), record(1))
    await asyncio.wait_for(recorder.backpressure.wait(), DEADLINE)
    assert not recorder.backpressure.is_full


async def test_room_while_the_bus_is_away(start):
    """A bus that is away holds nobody back: records wait in the journal."""
    bus = FakeBus(max_payload=2 * MIB)
    recorder = await start(bus, limit=1000 * MIB)
    bus.connected = False
    large = record(0, text="x" * MIB)
    for number in range(70):
        recorder.accept(name(number), large)
        recorder.publish(name(number), large)
    await asyncio.wait_for(recorder.backpressure.wait(), DEADLINE)
