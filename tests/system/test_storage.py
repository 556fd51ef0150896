"""No record is lost or written twice for want of room or in a burst: the whole appliance, on a disk of its own.

`make soak` runs these. They mount small file systems in memory, so they need a Linux machine and its root user.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import orjson
import pytest
import uvloop

from tests.support.nats_server import TOKEN
from tests.support.process import environment_of
from tests.support.waiting import eventually
from tests.system.conftest import UP, Default
from tests.system.loss_load import HttpClient, RecordLoad
from tests.system.loss_records import RecordFile

MIB = 1024 * 1024
_STARTED_WITHIN = 90.0  # seconds
_SETTLED_WITHIN = 90.0
_RATE = 60  # calls a second
_FULL = 8.0  # seconds for which the disk is full
_AT_ONCE, _TIMES = 256, 4
_MOST_MEMORY = 150 * MIB

pytestmark = pytest.mark.soak


@pytest.fixture
def disk(tmp_path):
    """Makes a home on a file system of this many bytes."""
    folder, made = tmp_path / "disk", []

    def make(size):
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no file system can be mounted: {done.stderr.decode().strip()}")
        home = Default(folder / "app")
        made.append(home)
        return home

    yield make
    for home in made:
        home.close()
        subprocess.run(["umount", str(folder)], check=True)


async def up(home):
    home.start(*UP, NATS_TOKEN=TOKEN)
    await eventually(lambda: home.find("all services have been started"), "the appliance", _STARTED_WITHIN)


def health(home):
    """The exit code of healthcheck, and what is wrong."""
    command = [sys.executable, "-m", "services.healthcheck", "--json"]
    environment = environment_of(home.folder, {})
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    return done.returncode, json.loads(done.stdout).get("problems", [])


def status(home):
    return json.loads((home.folder / "run" / "records-gl.json").read_text("utf-8"))


def memory(home):
    """Bytes of gl that are in memory."""
    text = Path(f"/proc/{home.pid('gl')}/status").read_text("ascii")
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024


async def wait_for_records(file, complete):
    """Wait until these calls are in the file; what is missing then is for the test to say."""
    end = time.monotonic() + _SETTLED_WITHIN
    while time.monotonic() < end and not complete <= file.places.keys():
        await asyncio.sleep(0.3)
        await asyncio.to_thread(file.check)
    await asyncio.sleep(3)  # what would come a second time
    await asyncio.to_thread(file.check)


def fill(path):
    """Take all the room that a disk has."""
    for size in (MIB // 4, 4096):
        with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(size)) == size:
                pass


def tell(title, **figures):
    sys.stdout.write("\n" + title + "".join(f"\n  {name}: {value}" for name, value in figures.items()) + "\n")


async def large_call(client, port, number, size=1_000_000):
    message = {"role": "user", "content": f"{number} " + "x" * size}
    body = orjson.dumps({"model": "dummy", "messages": [message]})
    lines = ["POST /dummy/v1/chat/completions HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
    await client.call(port, head + body, leaves=False)
    assert client.is_complete
    return client.transaction, client.status


@pytest.mark.timeout(600)
def test_burst_of_large_calls(appliance):
    """256 calls of 1 MB at once, four times over: each is recorded once, and gl's memory is small again."""

    async def run():
        await up(appliance)
        callers, statuses = [HttpClient() for _ in range(_AT_ONCE)], {}
        began = time.monotonic()
        for turn in range(_TIMES):
            calls = (large_call(client, appliance.gl_port, f"{turn}-{place}") for place, client in enumerate(callers))
            statuses |= dict(await asyncio.gather(*calls))
        seconds = time.monotonic() - began
        for client in callers:
            client.close()
        await asyncio.sleep(10)
        left = memory(appliance)
        file = RecordFile(appliance.folder / "log" / "gecholog.jsonl")
        await wait_for_records(file, statuses.keys())
        return statuses, file, left, seconds

    statuses, file, left, seconds = uvloop.run(run())
    complete = set(statuses)
    missing = complete - file.places.keys()
    figures = {"calls": Counter(statuses.values()), "seconds": round(seconds, 1), "missing": len(missing)}
    tell("burst", **figures, twice=file.duplicates, memory_mb=left // MIB, status=status(appliance))
    assert Counter(statuses.values()) == {200: _AT_ONCE * _TIMES}
    assert len(complete) == _AT_ONCE * _TIMES
    assert not missing
    assert file.duplicates == 0
    assert status(appliance)["lost"] == 0
    assert left < _MOST_MEMORY


@pytest.mark.timeout(600)
def test_bus_that_hangs(appliance):
    """A bus is stopped for as long as ginit bears it: calls of 100 KB are answered, and recorded once."""
    slowest, statuses = [], {}

    async def work(port, place, ending):
        client, number = HttpClient(), 0
        while not ending.is_set():
            began = time.monotonic()
            transaction, status = await large_call(client, port, f"{place}-{number}", 100_000)
            slowest.append(time.monotonic() - began)
            statuses[transaction] = status
            number += 1
        client.close()

    async def run():
        await up(appliance)
        ending = asyncio.Event()
        calls = [asyncio.create_task(work(appliance.gl_port, place, ending)) for place in range(32)]
        await asyncio.sleep(3)
        bus, before = appliance.pid("nats-server"), len(statuses)
        os.kill(bus, signal.SIGSTOP)
        try:
            await asyncio.sleep(12)
            during = len(statuses) - before
            await asyncio.sleep(18)
        finally:
            with contextlib.suppress(ProcessLookupError):  # ginit has put an end to it
                os.kill(bus, signal.SIGCONT)
            ending.set()
            await asyncio.gather(*calls)
        file = RecordFile(appliance.folder / "log" / "gecholog.jsonl")
        await wait_for_records(file, statuses.keys())
        return file, during

    file, during = uvloop.run(run())
    missing = statuses.keys() - file.places.keys()
    figures = {"calls": Counter(statuses.values()), "while it hung": during, "slowest": f"{max(slowest):.1f} s"}
    tell("bus hung", **figures, missing=len(missing), twice=file.duplicates, status=status(appliance))
    assert during > 32
    assert max(slowest) < 20
    assert not missing
    assert file.duplicates == 0


@pytest.mark.timeout(600)
def test_disk_that_was_full(disk):
    """A disk is full for a while under load: health says so, the bus is mended, and every call is recorded once."""
    home = disk(256 * MIB)

    async def run():
        await up(home)
        load = RecordLoad(home.gl_port, _RATE)
        calls = asyncio.create_task(load.run(300))
        try:
            await asyncio.sleep(4)
            await asyncio.to_thread(fill, home.folder / "filling")
            began = time.monotonic()
            await eventually(lambda: not home.checksum("ginit"), "the sign of trouble", 30)
            await asyncio.sleep(_FULL - (time.monotonic() - began))
            code, said = await asyncio.to_thread(health, home)
            assert code == 1
            (home.folder / "filling").unlink()
            freed = time.monotonic()
            await eventually(lambda: home.find("restarting service"), "the remedy", 60)
            await eventually(lambda: home.checksum("ginit"), "health", 60)
            healed = time.monotonic() - freed
            await asyncio.sleep(5)
        finally:
            load.stop()
            tally = await calls
        file = RecordFile(home.folder / "log" / "gecholog.jsonl")
        await wait_for_records(file, tally.complete)
        return tally, file, said, healed

    tally, file, said, healed = uvloop.run(run())
    missing = tally.complete - file.places.keys()
    figures = {"calls": tally.calls, "complete": len(tally.complete), "no reply": tally.failed, "missing": len(missing)}
    more = {"twice": file.duplicates, "torn": file.torn, "healthy after": f"{healed:.1f} s", "said": said}
    tell("disk full", **figures, **more, slowest=f"{tally.slowest:.1f} s", status=status(home))
    assert said
    assert not missing
    assert file.duplicates == 0
    assert tally.failed == 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", [30, 60])
def test_small_disk(disk, size):
    """On a disk of a few megabytes each call is recorded, and none twice."""
    home = disk(size * MIB)

    async def run():
        await up(home)
        tally = await RecordLoad(home.gl_port, 10).run(20)
        file = RecordFile(home.folder / "log" / "gecholog.jsonl")
        await wait_for_records(file, tally.complete)
        return tally, file

    tally, file = uvloop.run(run())
    missing = tally.complete - file.places.keys()
    free = shutil.disk_usage(home.folder).free // MIB
    stream = [entry.get("max_bytes") for entry in home.find("record stream ready")]
    figures = {"calls": tally.calls, "missing": len(missing), "twice": file.duplicates}
    tell(f"disk of {size} MB", **figures, free_mb=free, stream=stream, status=status(home))
    assert len(tally.complete) > 100
    assert not missing
    assert file.duplicates == 0
    assert health(home) == (0, [])
