"""No record is lost: the whole appliance under load, while its parts are killed one after another.

Every call whose reply was complete at the client must have its record in the file and exactly one document in
Elasticsearch. `LOSS_SECONDS` and `LOSS_RATE` (calls a second) set the load; `make soak` takes the long form.
"""

import asyncio
import json
import math
import os
import signal
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import uvloop

from gecholog.workerstatus import WorkerStatusFile
from services.nats2log.deliver import MAX_BATCH
from tests.support.elastic_fake import ElasticFake
from tests.support.freezing import freeze
from tests.support.nats_server import TOKEN
from tests.support.waiting import eventually
from tests.system.conftest import UP
from tests.system.loss_load import CallCounts, RecordLoad
from tests.system.loss_records import Bystander, RecordFile, slow_processor

SECONDS = float(os.environ.get("LOSS_SECONDS", "8"))
RATE = float(os.environ.get("LOSS_RATE", "100"))
SINKS = ("nats2file", "nats2log")
ALL = ("nats-server", "gl", *SINKS, "tokencounter", "dummy")

_STARTED_WITHIN = 60.0  # seconds
_SETTLED_WITHIN = 30.0 + SECONDS  # at the end everything has to be caught up with
_SLOW = 0.3  # seconds between the end of a reply and the final record
_STREAM = "$JS.API.STREAM"


@dataclass
class Scene:
    """The appliance with its surroundings, and what was seen of them. `marks` are figures to be told at the end."""

    appliance: object
    elastic: ElasticFake
    bystander: Bystander
    file: RecordFile
    begun: float = field(default_factory=time.monotonic)
    marks: list = field(default_factory=list)
    healthy: dict = field(default_factory=dict)

    def mark(self, text: str) -> None:
        self.marks.append(f"{time.monotonic() - self.begun:6.1f} s  {text}")

    async def up(self, times: int = 1) -> None:
        """Start the appliance, for the `times`-th time."""
        self.appliance.start(*UP, NATS_TOKEN=TOKEN, NATS2LOG_LOGGER_SUBTOPIC=".logger")
        for name in ALL:
            before = self.healthy.get(name, 0)
            await self._said("service is healthy", before + 1, child=name)
            self.healthy[name] = before + 1
        await self._said("all services have been started", times)

    async def _said(self, message: str, times: int, **fields) -> None:
        await eventually(
            lambda: len(self.appliance.find(message, **fields)) >= times, f"{message} {fields}", _STARTED_WITHIN
        )

    async def kill(self, name: str) -> None:
        """kill -9, and wait until ginit and supervisord have brought the service back."""
        began = time.monotonic()
        pids = [self.appliance.pid(name), *(self.workers() if name == "gl" else ())]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.healthy[name] += 1
        await self._said("service is healthy", self.healthy[name], child=name)
        self.mark(f"kill -9 {name}: healthy again after {time.monotonic() - began:.1f} s")

    def workers(self) -> tuple[int, ...]:
        """The processes in which gl serves calls."""
        status = WorkerStatusFile.of("gl", self.appliance.folder).read()
        return () if status is None else status.pids

    async def kill_worker(self) -> None:
        """kill -9 one worker of gl, and wait until its parent has brought it back. The service is healthy meanwhile."""
        file = WorkerStatusFile.of("gl", self.appliance.folder)
        began, before = time.monotonic(), file.read()
        os.kill(before.pids[0], signal.SIGKILL)

        def is_back():
            status = file.read()
            return status.restarts > before.restarts and status.serving == status.workers

        await eventually(is_back, "the worker", _STARTED_WITHIN)
        assert self.appliance.checksum("gl")
        self.mark(f"kill -9 one worker of gl: back after {time.monotonic() - began:.1f} s")

    async def wait_for_records(self, complete: set[str]) -> None:
        """Wait until all sinks are at the end of the stream and have these calls; gives up after a time, silently.

        What is missing then is for the test to say.
        """
        began, quiet = time.monotonic(), 0
        while time.monotonic() - began < _SETTLED_WITHIN and quiet < 3:
            await asyncio.sleep(0.3)
            await asyncio.to_thread(self.file.check)
            ended = [await self.bystander.is_at_the_end(sink) for sink in SINKS]
            in_file, in_elastic = self.file.places.keys(), self.elastic.count_by_call().keys()
            quiet = quiet + 1 if all(ended) and complete <= in_file and in_file == in_elastic else 0
        self.mark(
            f"all sinks at the end {time.monotonic() - began:.1f} s after the last call"
            if quiet == 3
            else "NOT settled"
        )


@asynccontextmanager
async def scene_of(appliance):
    """The default appliance with its Elasticsearch, a slow processor, and someone who listens."""
    elastic = ElasticFake()
    await elastic.start()
    appliance.change("nats2log_config", mode="elastic_writer", elastic_writer=elastic.writer())
    response = json.loads(appliance.config("gl_config").read_text("utf-8"))["response"]
    rows = [*response["processors"], [slow_processor(timeout_ms=2000)]]
    appliance.change("gl_config", response={"processors": rows}, workers=2)
    scene = Scene(appliance, elastic, None, RecordFile(appliance.folder / "log" / "gecholog.jsonl"))
    try:
        await scene.up()
        scene.bystander = await Bystander.connected(appliance.nats_port, TOKEN)
        try:
            await scene.bystander.answer_slowly(_SLOW)
            yield scene
        finally:
            await scene.bystander.leave()
    finally:
        await elastic.stop()


async def disasters(scene: Scene) -> int:
    """Everything that happens in the time of the load; returns the size of the file when its sink was killed."""
    length = SECONDS / 60
    await asyncio.sleep(6 * length)
    await asyncio.to_thread(scene.file.check)
    scene.mark(f"duplicates before any kill: {scene.file.duplicates}")
    assert scene.file.duplicates == 0
    pid = scene.appliance.pid("nats2file")
    freeze(pid)  # so that the size is that of the moment of its death
    size = scene.file.size
    await scene.kill("nats2file")
    await asyncio.sleep(6 * length)
    await scene.kill("nats-server")
    await asyncio.sleep(6 * length)
    before = await elastic_away(scene)
    await asyncio.sleep(20 * length)
    assert len(scene.elastic.documents) == before
    await scene.elastic.start()
    scene.mark(f"Elasticsearch was away for {20 * length:.0f} s")
    await asyncio.sleep(2 * length)
    await scene.kill_worker()
    await asyncio.sleep(2 * length)
    await scene.kill("gl")
    return size


async def elastic_away(scene: Scene) -> int:
    """Stop Elasticsearch; returns how many documents it has."""
    await scene.elastic.stop()
    return len(scene.elastic.documents)


async def record_log_refuses(scene: Scene):
    """Let the stream take no record; returns its config from before, for `record_log_allows`."""
    config = (await scene.bystander.ask(f"{_STREAM}.INFO.GECHOLOG"))["config"]
    await record_log_allows(scene, config | {"max_msg_size": 1})
    return config


async def record_log_allows(scene: Scene, config) -> None:
    answer = await eventually_answered(scene, f"{_STREAM}.UPDATE.GECHOLOG", config)
    assert "error" not in answer, answer["error"]


async def eventually_answered(scene: Scene, subject: str, value):
    """The answer of a bus that may have to be found again first."""
    async with asyncio.timeout(_STARTED_WITHIN):
        while (answer := await scene.bystander.ask(subject, value)) is None:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.1)
    return answer


def verdict(title: str, scene: Scene, tally: CallCounts) -> dict[str, int]:
    """Print what was seen; returns the numbers that must be 0."""
    file, by_call = scene.file, scene.elastic.count_by_call()
    losses = {
        "complete calls missing in the file": len(tally.complete - file.places.keys()),
        "complete calls missing in Elasticsearch": len(tally.complete - by_call.keys()),
        "calls with more than one document": sum(number > 1 for number in by_call.values()),
        "calls in one sink only": len(file.places.keys() ^ by_call.keys()),
        "complete replies without a transaction id": tally.unnamed,
        "malformed bulk calls": len(scene.elastic.malformed),
        "dead-letter files": len(list((scene.appliance.folder / "log").glob("*.deadletter.jsonl"))),
    }
    left = tally.abandoned | tally.broken
    lines = [
        f"{title}: {RATE:.0f} calls/s wanted, load average {os.getloadavg()[0]:.1f}",
        *scene.marks,
        f"calls {tally.calls} in {tally.seconds:.1f} s ({tally.calls / tally.seconds:.0f}/s)",
        f"complete {len(tally.complete)} (by status {tally.statuses}), abandoned {len(tally.abandoned)}",
        f"broken off {len(tally.broken)}, no reply {tally.failed}, slowest {tally.slowest:.2f} s",
        f"file: {file.lines} lines, {len(file.places)} records, {file.duplicates} duplicates, {file.torn} torn lines",
        f"recovered: {len(file.recovered)}, of these of complete calls {len(file.recovered & tally.complete)}",
        f"Elasticsearch: {len(by_call)} documents in {scene.elastic.calls} calls, {scene.elastic.offered_again} again",
        f"abandoned or broken off: {len(left)}, of these recorded {len(left & file.places.keys())}",
        *(f"{name}: {number}" for name, number in losses.items()),
    ]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    return losses


@pytest.mark.slow
@pytest.mark.timeout(4 * _STARTED_WITHIN + SECONDS + _SETTLED_WITHIN)
def test_no_record_is_lost_whoever_is_killed(appliance):
    """Both sinks have every complete call when nats2file, nats-server, Elasticsearch and gl have been away in turn."""

    async def run():
        async with scene_of(appliance) as scene:
            load = RecordLoad(appliance.gl_port, RATE)
            scene.begun = time.monotonic()
            calls = asyncio.create_task(load.run(math.inf))  # gl dies last, and has to die under load
            try:
                size = await disasters(scene)
            finally:
                load.stop()
                tally = await calls
            await scene.wait_for_records(tally.complete)
            return scene, tally, size

    scene, tally, size = uvloop.run(run())
    assert not any(verdict("killed one after the other", scene, tally).values())
    assert len(tally.complete) > 0.3 * RATE * tally.seconds  # none while gl is away: long, on a busy machine
    assert scene.file.recovered, "gl was not killed between accept and publish"
    # Only the sink that was killed writes twice, and only what was in its hands.
    twice = [places for places in scene.file.places.values() if len(places) > 1]
    assert all(len(places) == 2 and places[0] < size <= places[1] for places in twice)
    assert len(twice) <= MAX_BATCH
    assert scene.file.torn <= 1


@pytest.mark.slow
@pytest.mark.timeout(4 * _STARTED_WITHIN + SECONDS + _SETTLED_WITHIN)
def test_no_record_is_lost_when_the_appliance_is_told_to_end(appliance):
    """SIGTERM under load, the record log full and Elasticsearch away: all is delivered after the next start, once."""

    async def run():
        async with scene_of(appliance) as scene:
            load = RecordLoad(appliance.gl_port, RATE)
            scene.begun = time.monotonic()
            calls = asyncio.create_task(load.run(SECONDS))
            await asyncio.sleep(SECONDS * 0.4)
            await elastic_away(scene)
            await asyncio.sleep(SECONDS * 0.05)
            allowed = await record_log_refuses(scene)
            await asyncio.sleep(SECONDS * 0.05)
            appliance.process.terminate()
            began = time.monotonic()
            code = await asyncio.to_thread(appliance.ended)
            load.stop()
            tally = await calls
            appliance.process.stdout.close()
            appliance.process.stderr.close()
            scene.mark(f"SIGTERM: ended after {time.monotonic() - began:.1f} s with exit code {code}")
            assert code == 0
            assert appliance.processes() == []
            await asyncio.to_thread(scene.file.check)
            journals = list((appliance.folder / "journal").glob("gl/*"))
            assert journals
            scene.mark(
                f"not yet in the file {len(tally.complete - scene.file.places.keys())}, "
                f"not yet in Elasticsearch {len(tally.complete - scene.elastic.count_by_call().keys())}, "
                f"journals left {len(journals)}"
            )
            await scene.up(times=2)
            await scene.elastic.start()
            await record_log_allows(scene, allowed)
            await scene.wait_for_records(tally.complete)
            return scene, tally

    scene, tally = uvloop.run(run())
    assert not any(verdict("SIGTERM", scene, tally).values())
    assert len(tally.complete) > 0.3 * RATE * SECONDS
    assert scene.file.duplicates == 0
    assert scene.file.torn == 0


def test_bystander_sees_each_record(appliance):
    """A plain subscriber sees each record once; after an outage of the stream again, with the same Nats-Msg-Id."""

    async def run():
        async with scene_of(appliance) as scene:
            seen = scene.bystander.seen
            await scene.bystander.listen()
            tally = await RecordLoad(appliance.gl_port, 50).run(3)
            calls = tally.complete | tally.abandoned
            await eventually(lambda: calls <= seen.keys(), "all records at the subscriber")
            await scene.wait_for_records(tally.complete)
            assert {len(ids) for ids in seen.values()} == {1}
            assert len({ids[0] for ids in seen.values()}) == len(seen)
            assert {ids[0]: name for name, ids in seen.items()} == scene.elastic.documents

            before = set(seen)
            allowed = await record_log_refuses(scene)
            during = await RecordLoad(appliance.gl_port, 20).run(1)
            await eventually(lambda: any(len(ids) > 1 for ids in seen.values()), "a record that comes by again")
            assert not during.complete & scene.elastic.count_by_call().keys()
            await record_log_allows(scene, allowed)
            await scene.wait_for_records(tally.complete | during.complete)
            return scene, tally, during, before

    scene, tally, during, before = uvloop.run(run())
    seen = scene.bystander.seen
    assert during.complete <= seen.keys()
    assert all(len(seen[name]) == 1 for name in before)
    assert all(len(set(ids)) == 1 for ids in seen.values())
    assert scene.file.duplicates == 0
    assert len(scene.elastic.documents) == len(seen)
    assert not tally.failed + during.failed
