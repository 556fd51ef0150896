"""Config changes and deaths while calls are under way, in the real appliance.

The normal run is short. `CHANGES=200 CHANGES_INVALID=50` makes the long one, which also holds the figures to the goals:
each change in force within 2 seconds, a killed service back within 3. The figures are printed (pytest -s).
"""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import ssl
import statistics
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from gecholog.workerstatus import WorkerStatus, WorkerStatusFile
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE, eventually
from tests.system import variants
from tests.system.conftest import UP
from tests.system.load import LoadRun

VALID = int(os.environ.get("CHANGES", "5"))
INVALID = int(os.environ.get("CHANGES_INVALID", "2"))
LONG = "CHANGES" in os.environ
RATE, MANY = (200.0, 100) if LONG else (60.0, 30)  # calls a second, and how many are enough to go on
KILLED = ("nats-server", "gl", "tokencounter", "nats2file", "nats2log", "dummy")
FORCED_WITHIN = 2.0  # seconds, in the long run
BACK_WITHIN = 3.0
GROWTH = 8 * 1024  # KiB of resident memory, in the long run
_SETTLED_AFTER = 20  # changes after which memory is looked at for the first time: pools and caches are full then
_PORT_EVERY = 11  # changes between two moves to another port


def _memory(pid):
    """KiB of resident memory."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def _files(pid):
    """Open files, and open sockets."""
    sockets, files = 0, 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if file.readlink().name.startswith("socket:"):
                sockets += 1
            else:
                files += 1
    return files, sockets


def _say(**figures):
    sys.stdout.write("\nfigures " + json.dumps(figures) + "\n")


class Log:
    """The appliance's system log, each line read once."""

    def __init__(self, appliance):
        self._appliance = appliance
        self._read = 0
        self.entries = []

    def check(self):
        lines = self._appliance.lines
        end = len(lines)
        self.entries += [json.loads(line) for line in lines[self._read : end] if line.startswith("{")]
        self._read = end
        return self.entries

    def find(self, message, **fields):
        return [
            entry
            for entry in self.check()
            if entry["msg"] == message and all(entry.get(name) == value for name, value in fields.items())
        ]


class Changes:
    """Brings configs to gl, one after another, and sees what becomes of them."""

    def __init__(self, appliance, load):
        self.appliance = appliance
        self.load = load
        self.log = Log(appliance)
        self.file = appliance.config("gl_config")
        self.usual = json.loads(self.file.read_text("utf-8"))
        self.ports = [appliance.gl_port, free_port()]
        self.times = []
        self.in_force = appliance.sum_of("gl_config")

    async def valid(self, number):
        """One valid change; it has to be in force, in what gl does too."""
        moves = number % _PORT_EVERY == _PORT_EVERY - 1
        if moves:
            self.ports.reverse()
        data = variants.valid(self.usual, number, self.ports[0])
        self.load.expects_move = moves
        await asyncio.to_thread(variants.WAYS[number % len(variants.WAYS)], self.file, data)
        written = time.monotonic()
        self.in_force = hashlib.sha256(data).hexdigest()
        await eventually(lambda: self.appliance.checksum("gl") == self.in_force, f"valid change {number}")
        self.times.append(time.monotonic() - written)
        self.load.url = f"http://127.0.0.1:{self.ports[0]}"
        await self._is_in_force(json.loads(data))

    async def _is_in_force(self, values):
        """The routers of this config are those that answer, at the port of this config."""
        paths = {router["path"] for router in values["routers"]}
        async with aiohttp.ClientSession() as session:
            for path in {"/dummy/", "/extra0/", *(path for path in paths if path.startswith("/extra"))}:
                async with session.get(f"{self.load.url}{path}v1/models") as response:
                    assert response.status == (200 if path in paths else 404)

    async def invalid(self, number):
        """One invalid change: it is said once, with what is wrong, and the config before stays in force."""
        data = variants.invalid(self.usual, number)
        sha256 = hashlib.sha256(data).hexdigest()
        said = len(self.log.find("config error", service="gl"))
        variants.renamed(self.file, data)
        await eventually(lambda: self.log.find("config is not valid", child="gl", sha256=sha256), f"word on {number}")
        assert self.appliance.checksum("gl") == self.in_force
        problems = self.log.find("config error", service="gl")[said:]
        assert problems
        assert {problem["file"] for problem in problems} == {str(self.file)}


@pytest.mark.slow
@pytest.mark.timeout(120 + 6 * (VALID + INVALID))
async def test_changes_under_load(appliance):
    """Of all calls and streams none fails while gl takes configs; invalid ones are never in force."""
    appliance.change("gl_config", workers=2)
    await asyncio.to_thread(appliance.up, *UP)
    pid, ginit = appliance.pid("gl"), appliance.ginit_pid()
    workers = WorkerStatusFile.of("gl", appliance.folder).read().pids
    looks = []
    async with LoadRun(appliance.url, rate=RATE) as load:
        changes = Changes(appliance, load)
        for number in range(VALID):
            await changes.valid(number)
            if number * INVALID // VALID < (number + 1) * INVALID // VALID:
                await changes.invalid(number)
            if number in {min(_SETTLED_AFTER, VALID // 2), VALID - 1}:
                watched = (*workers[:1], ginit)
                looks.append(tuple(figure for one in watched for figure in (_memory(one), *_files(one))))
    _say(
        valid=VALID,
        invalid=INVALID,
        calls=load.done,
        failed=len(load.failures),
        streams=load.streams,
        broken=len(load.broken),
        moved=load.moved,
        force_p50=round(statistics.median(changes.times), 3),
        force_max=round(max(changes.times), 3),
        slowest=[
            (round(seconds, 2), number)
            for seconds, number in sorted(zip(changes.times, range(VALID), strict=True))[-5:]
        ],
        gl_and_ginit_kib_files_sockets=looks,
        what=[failure.what for failure in load.failures + load.broken][:5],
    )
    assert load.failures == []
    assert load.broken == []
    assert load.done > 0
    assert load.streams > 0
    assert appliance.pid("gl") == pid
    assert WorkerStatusFile.of("gl", appliance.folder).read() == WorkerStatus(2, 2, 0, workers)
    refused = [entry["sha256"] for entry in changes.log.find("config is not valid")]
    assert len(refused) == len(set(refused))
    assert changes.log.find("config not taken") == []
    if LONG:
        assert max(changes.times) < FORCED_WITHIN
        for before, after in zip(looks[0], looks[1], strict=True):
            assert after - before < GROWTH
        (_, files, sockets, _, *of_ginit), (_, files_after, sockets_after, _, *of_ginit_after) = looks
        assert files_after - files <= 1
        assert sockets_after - sockets <= load.clients + load.streamers  # those to the target come and go
        assert of_ginit_after == of_ginit


@pytest.mark.parametrize("name", KILLED if LONG else ["gl"])
async def test_kill_under_load(appliance, name):
    """A killed service is back soon; calls fail only while gl itself, or the target, is down."""
    await asyncio.to_thread(appliance.up, *UP)
    first, before = appliance.pid(name), set(appliance.pids(name))
    async with LoadRun(appliance.url, rate=RATE) as load:
        await eventually(lambda: load.done > MANY and load.streams, "calls")
        killed = time.monotonic()
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: appliance.pid(name) not in {0, first}, "a new process")
        await eventually(lambda: appliance.state(name).get("state") == "healthy", "its health")
        await eventually(lambda: appliance.checksum(name), "its checksum file")
        back = time.monotonic()
        # workers of gl outlive it until their calls are done: then their connections end, also under a new call
        await eventually(lambda: before.isdisjoint(appliance.pids(name)), "the end of what it had forked")
        all_new = time.monotonic()
        done, streams = load.done, load.streams
        await eventually(lambda: load.done > done + MANY and load.streams > streams, "more calls")
    failures = load.failures + load.broken
    _say(
        killed=name,
        back_after=round(back - killed, 3),
        calls=load.done,
        failed=len(load.failures),
        broken=len(load.broken),
        last_failure_after=round(max((failure.seen for failure in failures), default=killed) - killed, 3),
        what=sorted({failure.what for failure in failures})[:5],
    )
    if name in {"gl", "dummy"}:
        assert [one for one in failures if not one.seen > killed or not one.sent < all_new] == []
    else:
        assert failures == []
    if LONG:
        assert back - killed < BACK_WITHIN
    assert await asyncio.to_thread(appliance.stop) == 0


@pytest.mark.parametrize("service", ["nats-server", "gl", "nats2file"] if LONG else ["nats2file"])
async def test_service_with_a_die_promise_that_cannot_start(appliance, service):
    """The appliance ends with an error, and the last lines say why."""
    if service == "nats-server":
        (appliance.folder / "conf" / "nats-server.conf").write_text("port: {", "utf-8")
    elif service == "gl":
        appliance.change("gl_config", gl_host="192.0.2.1")  # an address that no machine has
    else:
        text = appliance.config("ginit_config").read_text("utf-8")
        broken = appliance.folder / "broken"
        broken.write_text("#!/bin/sh\ncase $* in *--validate*) exit 0;; esac\necho it is broken >&2; exit 3\n", "utf-8")
        broken.chmod(0o755)
        changed = json.loads(text)
        next(one for one in changed["services"] if one["name"] == service)["file"] = str(broken)
        appliance.config("ginit_config").write_text(json.dumps(changed), "utf-8")
    begun = time.monotonic()
    appliance.start(*UP)
    code = await asyncio.to_thread(appliance.ended)
    took = time.monotonic() - begun
    _say(cannot_start=service, code=code, seconds=round(took, 2))
    last = [json.loads(line) for line in appliance.lines if line.startswith("{")][-5:]
    assert code != 0
    assert any(service in entry.get("reason", "") for entry in last), last
    assert appliance.processes() == []
    if LONG:
        assert took < 10


@pytest.mark.parametrize(
    "way", [variants.in_pieces, variants.linked, variants.copied, variants.renamed][: 4 if LONG else 1]
)
async def test_every_way_to_replace_a_file(appliance, way):
    """However the file is replaced, its content comes in force, and what is half written never does."""
    await asyncio.to_thread(appliance.up, *UP)
    file, usual = appliance.config("gl_config"), json.loads(appliance.config("gl_config").read_text("utf-8"))
    allowed, seen, ended = {appliance.sum_of("gl_config")}, set(), asyncio.Event()

    async def check():
        while not ended.is_set():
            seen.add(appliance.checksum("gl"))
            await asyncio.sleep(0.005)

    looking = asyncio.create_task(check())
    for number in range(3):
        data = variants.valid(usual, number, appliance.gl_port)
        allowed.add(hashlib.sha256(data).hexdigest())
        await asyncio.to_thread(way, file, data)
        await eventually(lambda: appliance.in_force("gl", "gl_config"), "the new config")
    ended.set()
    await looking
    assert seen <= allowed
    assert len(appliance.find("service is healthy", child="gl")) == 1


async def test_renewed_certificate(appliance, tls_files):
    """A renewed certificate is in force for new connections, and no call fails, whatever else changes."""
    folder = appliance.folder / "conf"
    certificate, private_key = folder / "tls.pem", folder / "tls.key"
    shutil.copy(tls_files.certificate, certificate)
    shutil.copy(tls_files.private_key, private_key)
    ingress = {"enabled": True, "certificate_file": str(certificate), "private_key_file": str(private_key)}
    tls = json.loads(appliance.config("gl_config").read_text("utf-8"))["tls"] | {"ingress": ingress}
    appliance.change("gl_config", tls=tls)
    await asyncio.to_thread(appliance.up, *UP)
    context = ssl.create_default_context(cafile=str(tls_files.authority))
    serials = {await _serial(appliance, context)}
    async with LoadRun(f"https://localhost:{appliance.gl_port}", tls=context, rate=RATE) as load:
        await eventually(lambda: load.done > MANY and load.streams, "calls")
        for number in range(2):
            new_certificate, new_key = tls_files.issue(f"renewed{number}")
            for new, old in ((new_certificate, certificate), (new_key, private_key)):
                beside = old.with_suffix(".new")
                shutil.copy(new, beside)
                beside.replace(old)
            if number % 2:  # otherwise the files are noticed by themselves
                appliance.change("gl_config", session_id_header=f"Session-{number}")
                await eventually(lambda: appliance.in_force("gl", "gl_config"), "the new config")
            await _renewed(appliance, context, serials)
            done = load.done
            await eventually(lambda done=done: load.done > done + MANY, "calls")
    what = sorted({failure.what for failure in load.failures + load.broken})[:5]
    _say(certificates=len(serials), calls=load.done, failed=len(load.failures), broken=len(load.broken), what=what)
    assert len(serials) == 3
    assert load.failures == []
    assert load.broken == []


async def _renewed(appliance, context, serials):
    """Wait for a certificate that is not one of `serials`, and add it."""
    async with asyncio.timeout(DEADLINE):
        while (serial := await _serial(appliance, context)) in serials:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.05)
    serials.add(serial)


async def _serial(appliance, context):
    reader, writer = await asyncio.open_connection("localhost", appliance.gl_port, ssl=context)
    number = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()
    del reader
    return number
