"""The sink as a process: what it preserves when it, the bus or the destination dies."""

import asyncio
import hashlib
import json
import os
import re
import signal

import pytest

from gecholog.health import ChecksumFile
from gecholog.recordlog import STREAM, ask, ensure
from services.nats2log.deliver import MAX_BATCH
from tests.services.nats2log.conftest import SUBJECT
from tests.services.nats2log.sinks.fake_elastic import FakeElastic, basic
from tests.support.target import Answer
from tests.support.waiting import eventually

READY = "listening for messages"


def records(count, first=0):
    return [json.dumps({"n": number}).encode() for number in range(first, first + count)]


def numbers(lines):
    return sorted(line["n"] for line in lines)


@pytest.fixture
def start(run_service):
    """Return a function that starts a sink and waits until it is healthy."""

    async def started(config, alias="nats2file", **options):
        process = run_service("services.nats2log", config, alias=alias, **options)
        await process.logged(READY)
        return process

    return started


async def test_records_become_lines(start, config_for, nats_server, stream, lines_of):
    """Published records are in the file, and are acknowledged."""
    await start(config_for(nats_server))
    await stream.add(*records(50))
    await eventually(lambda: len(lines_of()) == 50)
    assert [line["n"] for line in lines_of()] == list(range(50))
    await stream.all_acknowledged("nats2file")


async def test_beginning_of_the_stream(start, config_for, nats_server, bus, stream, lines_of):
    """A new sink gets the records that were published before its first start."""
    await ensure(bus, SUBJECT)
    await stream.add(*records(20))
    await start(config_for(nats_server))
    await eventually(lambda: len(lines_of()) == 20)


async def test_deliver_new(start, config_for, nats_server, bus, stream, lines_of):
    """With `deliver: new` it gets only later records."""
    await ensure(bus, SUBJECT)
    await stream.add(*records(20))
    await start(config_for(nats_server, deliver="new"))
    await stream.add(*records(5, first=100), first_id=100)
    await eventually(lambda: len(lines_of()) == 5)
    assert numbers(lines_of()) == [100, 101, 102, 103, 104]


async def test_nothing_is_missed_while_it_is_stopped(start, config_for, nats_server, stream, lines_of):
    """Stopped and started again, it continues at its position and writes nothing twice."""
    process = await start(config_for(nats_server))
    await stream.add(*records(10))
    await eventually(lambda: len(lines_of()) == 10)
    assert await process.stopped() == 0
    await stream.add(*records(10, first=10), first_id=10)
    await start(config_for(nats_server))
    await eventually(lambda: len(lines_of()) >= 20)
    await stream.all_acknowledged("nats2file")
    assert numbers(lines_of()) == list(range(20))


async def test_kill_under_load(start, config_for, nats_server, stream, lines_of, record_property):
    """If it is killed, nothing is lost. At most the batch in flight is duplicated at each kill."""
    process = await start(config_for(nats_server))
    total = 6000

    async def publish():
        for first in range(0, total, 100):
            await stream.add(*records(100, first=first), first_id=first)

    publishing = asyncio.create_task(publish())
    for _ in range(2):
        before = len(lines_of())
        await eventually(lambda before=before: len(lines_of()) >= before + 500)
        process.kill()
        process = await start(config_for(nats_server))
    await publishing
    await eventually(lambda: len(set(numbers(lines_of()))) == total)
    await stream.all_acknowledged("nats2file")
    twice = len(lines_of()) - total
    record_property("written twice after two kills", twice)
    assert twice <= 2 * MAX_BATCH


async def test_bus_killed_under_load(start, config_for, nats_server, stream, lines_of):
    """The bus is killed and returns: nothing is lost, and nothing is written twice, because the sink remembers."""
    await start(config_for(nats_server))
    await stream.add(*records(1000))
    await eventually(lambda: len(lines_of()) >= 300)
    await asyncio.to_thread(nats_server.kill)
    await asyncio.to_thread(nats_server.start)
    await eventually(lambda: stream._bus.connected)
    await stream.add(*records(1000, first=1000), first_id=1000)
    await eventually(lambda: len(set(numbers(lines_of()))) == 2000)
    await stream.all_acknowledged("nats2file")
    assert len(lines_of()) == 2000


async def test_sigterm_under_load(start, config_for, nats_server, stream, lines_of):
    """On a stop signal it finishes and acknowledges the current batch, so the next start duplicates nothing."""
    total = 4000
    process = await start(config_for(nats_server))

    async def publish():
        for first in range(0, total, 100):
            await stream.add(*records(100, first=first), first_id=first)

    publishing = asyncio.create_task(publish())
    for _ in range(3):
        before = len(lines_of())
        await eventually(lambda before=before: len(lines_of()) > before)
        assert await process.stopped() == 0
        process = await start(config_for(nats_server))
    await publishing
    await eventually(lambda: len(set(numbers(lines_of()))) == total)
    await stream.all_acknowledged("nats2file")
    assert len(lines_of()) == total


async def test_without_jetstream(start, config_for, plain_nats_server, plain_bus, lines_of):
    """A bus without JetStream: a plain subscription, and one warning."""
    process = await start(config_for(plain_nats_server))
    await plain_bus.publish(SUBJECT, b'{"n": 1}')
    await eventually(lambda: lines_of() == [{"n": 1}])
    warnings = [entry["msg"] for entry in process.entries if entry["level"] == "WARN"]
    assert warnings == ["JetStream is not enabled on the bus, records published while this sink is down are lost"]


async def test_off(start, config_for, nats_server, bus, lines_of):
    """A logger topic that is a parent of its own topic turns it off: healthy, without a stream, writing nothing."""
    process = await start(config_for(nats_server, subject="coburn.gl"))
    await bus.publish(SUBJECT, b'{"n": 1}')
    await bus.flush()
    assert process.checksum
    assert await ask(bus, "STREAM.NAMES") | {"streams": None} == {
        "type": "io.nats.jetstream.api.v1.stream_names_response",
        "total": 0,
        "offset": 0,
        "limit": 1024,
        "streams": None,
    }
    assert await process.stopped() == 0
    assert lines_of() == []


async def test_off_is_reported_as_long_as_it_is_so(start, config_for, nats_server, stream, lines_of, tmp_path):
    """It is healthy all the time. The report beside the checksum file tells whether it is on."""
    file, sign = tmp_path / "config.json", None
    for times, subject in enumerate(("coburn.gl", SUBJECT, "coburn.gl")):
        file.write_text(json.dumps(config_for(nats_server, subject=subject)))
        if sign is None:
            process = await start(file)
            sign = ChecksumFile.of("nats2file", process.home)
        else:
            process.hang_up()
            await process.logged("config in force", times=times)
        assert sign.read() == hashlib.sha256(file.read_bytes()).hexdigest()
        assert sign.is_off() == (subject == "coburn.gl")


async def test_logger_topic_of_ones_own(start, config_for, nats_server, stream, lines_of):
    """Another logger topic is captured as well."""
    await start(config_for(nats_server, subject="acme.records"))
    await stream.add(b'{"n": 1}', subject="acme.records")
    await eventually(lambda: lines_of() == [{"n": 1}])
    await stream.all_acknowledged("nats2file")


async def test_says_that_it_is_connected(run_service, config_for, nats_server, bus):
    """The sink announces itself on its own topic at every connection."""
    heard = []

    async def hear(message):
        heard.append(message.data)

    await bus.subscribe("coburn.gl.nats2log", hear)
    await bus.flush()
    run_service("services.nats2log", config_for(nats_server))
    await eventually(lambda: heard)
    assert b"connected" in heard[0]


async def test_status_on_the_bus(start, config_for, nats_server, bus, stream, lines_of):
    """A request to its own topic with `.status` gets the counters."""
    await start(config_for(nats_server))
    await stream.add(*records(3))
    await eventually(lambda: len(lines_of()) == 3)
    await stream.all_acknowledged("nats2file")
    status = json.loads(await bus.request("coburn.gl.nats2log.status", b"", 5))
    assert status["written"] == 3
    assert status["lag"] == 0
    assert status["source"] == "record log"
    assert status["mode"] == "file_writer"


async def test_target_away(start, config_for, nats_server, bus, stream, target):
    """While the destination is unavailable, the stream keeps the records. Then all are written in order."""
    host, port = target.url.rpartition(":")[::2]
    config = config_for(
        nats_server,
        mode="rest_api_writer",
        rest_api_writer={"url": host, "port": int(port), "endpoint": "/log", "headers": {}, "concurrency": 1},
    )
    await target.stop()
    process = await start(config)
    await stream.add(*records(5))
    await process.logged("sink unavailable, retrying", times=3)
    status = json.loads(await bus.request("coburn.gl.nats2log.status", b"", 5))
    assert status["lag"] == 5
    assert status["outage"]
    await target.start()
    await target.received(5)
    assert [json.loads(request.body)["n"] for request in target.requests] == [0, 1, 2, 3, 4]
    assert [request.value("Idempotency-Key") for request in target.requests] == [f"id-{n}" for n in range(5)]
    await stream.all_acknowledged("nats2file")


async def test_refused_records_become_dead_letters(start, config_for, nats_server, stream, target, tmp_path):
    """A rejected record is retried, then set aside. The rest is written."""
    target.usual = lambda request: Answer(status=422 if b'"n": 3' in request.body else 200)
    host, port = target.url.rpartition(":")[::2]
    config = config_for(
        nats_server, mode="rest_api_writer", rest_api_writer={"url": host, "port": int(port), "endpoint": "/log"}
    )
    await start(config)
    await stream.add(*records(6))
    await stream.all_acknowledged("nats2file")
    bodies = [json.loads(request.body)["n"] for request in target.requests]
    assert sorted(bodies) == [0, 1, 2, 3, 3, 3, 4, 5]
    (dead_letter,) = [
        json.loads(line) for line in (tmp_path / "app" / "log" / "nats2file.deadletter.jsonl").read_text().splitlines()
    ]
    assert re.fullmatch(r"\d{4}-.*Z", dead_letter.pop("time"))
    assert dead_letter == {"reason": "status 422", "attempts": 3, "id": "id-3", "record": {"n": 3}}


async def test_without_jetstream_nothing_waits(start, config_for, plain_nats_server, plain_bus, target, tmp_path):
    """An outage without JetStream: after the retries the record is a dead letter, also when the service ends."""
    host, port = target.url.rpartition(":")[::2]
    await target.stop()
    config = config_for(
        plain_nats_server, mode="rest_api_writer", rest_api_writer={"url": host, "port": int(port), "endpoint": "/log"}
    )
    process = await start(config)
    dead_letter_file = tmp_path / "app" / "log" / "nats2file.deadletter.jsonl"
    await plain_bus.publish(SUBJECT, b'{"n": 1}')
    await eventually(dead_letter_file.exists)
    await plain_bus.publish(SUBJECT, b'{"n": 2}')
    await plain_bus.flush()
    await process.logged("records not written, retrying", times=3)
    assert await process.stopped() == 0
    assert [json.loads(line)["record"]["n"] for line in dead_letter_file.read_text().splitlines()] == [1, 2]


async def test_reload_swaps_the_sink(start, config_for, nats_server, stream, lines_of, tmp_path):
    """SIGHUP under load: each record is in either the old file or the new one. None is lost."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config_for(nats_server)))
    process = await start(file)
    total = 3000

    async def publish():
        for first in range(0, total, 50):
            await stream.add(*records(50, first=first), first_id=first)

    publishing = asyncio.create_task(publish())
    await eventually(lambda: len(lines_of()) > 200)
    other = {"filename": str(tmp_path / "out" / "other.jsonl"), "write_mode": "append"}
    file.write_text(json.dumps(config_for(nats_server, file_writer=other)))
    process.hang_up()
    await process.logged("config in force")
    await publishing
    await eventually(lambda: len(lines_of()) + len(lines_of("out/other.jsonl")) >= total)
    assert numbers(lines_of() + lines_of("out/other.jsonl")) == list(range(total))
    assert lines_of("out/other.jsonl")


async def test_reload_goes_on_in_the_new_file(start, config_for, nats_server, stream, lines_of, tmp_path):
    """With the write mode `new`, the current file continues to be used, whatever else changes."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "log.jsonl").write_text("of an earlier run\n")
    file = tmp_path / "config.json"
    writer = {"filename": str(tmp_path / "out" / "log.jsonl"), "write_mode": "new"}
    file.write_text(json.dumps(config_for(nats_server, file_writer=writer)))
    process = await start(file)
    for times, fsync in enumerate((True, False), 1):
        file.write_text(json.dumps(config_for(nats_server, file_writer=writer | {"fsync": fsync})))
        process.hang_up()
        await process.logged("config in force", times=times)
    await stream.add(*records(3))
    await eventually(lambda: len(lines_of("out/log_1.jsonl")) == 3)
    assert (tmp_path / "out" / "log.jsonl").read_text() == "of an earlier run\n"
    assert not (tmp_path / "out" / "log_2.jsonl").exists()


async def test_reload_of_what_cannot_stand(start, config_for, nats_server, stream, lines_of, tmp_path):
    """A new config that cannot be put in force changes nothing."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config_for(nats_server)))
    process = await start(file)
    before = process.checksum
    (tmp_path / "a_file").write_text("")
    for bad in (
        config_for(nats_server, file_writer={"filename": str(tmp_path / "a_file" / "log"), "write_mode": "append"}),
        config_for(nats_server, service_bus=config_for(nats_server)["service_bus"] | {"token": "wrong"}),
    ):
        seen = len([entry for entry in process.entries if entry["msg"] == "config not taken"])
        file.write_text(json.dumps(bad))
        process.hang_up()
        await process.logged("config not taken", times=seen + 1)
        assert process.checksum == before
    await stream.add(*records(3))
    await eventually(lambda: len(lines_of()) == 3)


async def test_reload_listens_elsewhere(start, config_for, nats_server, stream, lines_of, tmp_path):
    """Another logger topic is used without a restart."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config_for(nats_server)))
    process = await start(file)
    await stream.add(*records(2))
    await eventually(lambda: len(lines_of()) == 2)
    file.write_text(json.dumps(config_for(nats_server, subject="acme.records")))
    process.hang_up()
    await process.logged("config in force")
    await stream.add(*records(2, first=2), subject="acme.records", first_id=2)
    await eventually(lambda: len(lines_of()) == 4)
    assert await process.stopped() == 0


async def test_secrets_are_not_logged(start, config_for, nats_server, stream, target, tmp_path):
    """Neither the token of the bus nor that of the destination appears in any output."""
    target.usual = Answer(status=401)
    host, port = target.url.rpartition(":")[::2]
    headers = {"Authorization": ["Bearer VerySecretIndeed"], "X-Key": ["AnotherSecret"]}
    config = config_for(
        nats_server,
        mode="rest_api_writer",
        rest_api_writer={"url": host, "port": int(port), "endpoint": "/log", "headers": headers},
    )
    process = await start(config)
    await stream.add(*records(2))
    await stream.all_acknowledged("nats2file")
    assert target.requests[0].value("Authorization") == "Bearer VerySecretIndeed"
    await process.stopped()
    dead_letter_file = (tmp_path / "app" / "log" / "nats2file.deadletter.jsonl").read_text()
    for secret in ("VerySecretIndeed", "AnotherSecret", nats_server.token):
        assert secret not in process.output + dead_letter_file


async def test_one_document_each(start, config_for, nats_server, stream, target, tmp_path):
    """Under load the destination fails, the sink is killed, and the bus is killed: each record is one document."""
    target.usual = elastic = FakeElastic(basic("elastic", "TheSecret"))
    host, port = target.url.rpartition(":")[::2]
    writer = {"url": host, "port": int(port), "index": "coburn1", "username": "elastic", "password": "TheSecret"}
    config = config_for(nats_server, mode="elastic_writer", elastic_writer=writer)
    process = await start(config)
    enough = asyncio.Event()

    async def publish():
        total = 0
        while not enough.is_set():
            await stream.put(json.dumps({"n": total}).encode(), f"id-{total}")
            total += 1
        return total

    async def more(count):
        before = len(elastic.documents)
        await eventually(lambda: len(elastic.documents) > before + count)

    publishing = asyncio.create_task(publish())
    await more(200)
    await target.stop()
    await process.logged("sink unavailable, retrying")
    await target.start()
    await more(200)
    process.kill()
    process = await start(config)
    await more(200)
    await asyncio.to_thread(nats_server.kill)
    await asyncio.to_thread(nats_server.start)
    await more(200)
    enough.set()
    total = await publishing
    await stream.all_acknowledged("nats2file")
    assert elastic.documents == {f"id-{number}": {"n": number} for number in range(total)}
    assert not (tmp_path / "app" / "log" / "nats2file.deadletter.jsonl").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system has to be mounted")
async def test_disk_full(start, config_for, nats_server, stream, lines_of, tmp_path):
    """On a full disk the sink reports it and waits. Once there is space, all records are in the file as whole lines."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = await asyncio.create_subprocess_exec("mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk))
    if await mounted.wait():
        pytest.skip("mounting is not allowed here")
    try:
        config = config_for(nats_server, file_writer={"filename": str(disk / "log.jsonl"), "write_mode": "append"})
        (disk / "ballast").write_bytes(b"x" * 150_000)
        process = await start(config)
        big = [json.dumps({"n": number, "text": "y" * 1000}).encode() for number in range(100)]
        await stream.add(*big)
        entry = await process.logged("sink unavailable, retrying")
        assert "No space left" in entry["reason"]
        (disk / "ballast").unlink()
        await eventually(lambda: len(lines_of("disk/log.jsonl")) == 100)
        assert numbers(lines_of("disk/log.jsonl")) == list(range(100))
        await stream.all_acknowledged("nats2file")
    finally:
        process.signal(signal.SIGKILL)
        await process.ended()
        await (await asyncio.create_subprocess_exec("umount", str(disk))).wait()


async def test_consumer_deleted(start, config_for, nats_server, bus, stream, lines_of):
    """A deleted consumer is created again, and written records are not repeated."""
    process = await start(config_for(nats_server))
    await stream.add(*records(5))
    await eventually(lambda: len(lines_of()) == 5)
    await ask(bus, f"CONSUMER.DELETE.{STREAM}.nats2file")
    await process.logged("consuming records", times=2)
    await stream.add(*records(5, first=5), first_id=5)
    await eventually(lambda: len(lines_of()) == 10)
    await stream.all_acknowledged("nats2file")
    assert numbers(lines_of()) == list(range(10))


async def test_stopped_while_the_target_hangs(start, config_for, nats_server, stream, target):
    """A destination that never responds does not delay the end. Its record is redelivered after the next start."""
    target.then(Answer(delay=asyncio.Event()))
    host, port = target.url.rpartition(":")[::2]
    config = config_for(
        nats_server, mode="rest_api_writer", rest_api_writer={"url": host, "port": int(port), "endpoint": "/log"}
    )
    process = await start(config)
    await stream.add(*records(1))
    await target.received(1)
    assert await process.stopped() == 0
    assert await stream.unacknowledged("nats2file") == 1
    await start(config)
    await target.received(2)
    await stream.all_acknowledged("nats2file")


async def test_stopped_while_there_is_no_bus(run_service, config_for, nats_server, free_port):
    """A sink that waits for the bus reports it, and stops on a signal."""
    config = config_for(nats_server)
    config["service_bus"]["hostname"] = f"127.0.0.1:{free_port}"
    process = run_service("services.nats2log", config)
    await process.logged("waiting for the bus")
    assert await process.stopped() == 0
    assert process.checksum is None


async def test_wrong_token(run_service, config_for, nats_server):
    """If the bus rejects the token, the sink ends with one clear line."""
    config = config_for(nats_server)
    config["service_bus"]["token"] = "NotTheToken"
    process = run_service("services.nats2log", config)
    assert await process.ended() == 1
    assert "refuses the token" in process.output
    assert "Traceback" not in process.output
    assert "NotTheToken" not in process.output


async def test_file_that_cannot_be_opened(run_service, config_for, nats_server, tmp_path):
    """If the folder is a file, the sink ends with one clear line."""
    (tmp_path / "a_file").write_text("")
    config = config_for(nats_server, file_writer={"filename": str(tmp_path / "a_file" / "log"), "write_mode": "append"})
    process = run_service("services.nats2log", config)
    assert await process.ended() == 1
    assert "cannot write to" in process.output
    assert "Traceback" not in process.output
