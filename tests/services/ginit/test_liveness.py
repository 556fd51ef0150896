"""The heartbeats of processes that run: sampled by the clock of the test, so that nothing waits."""

import asyncio
import contextlib
import subprocess
from dataclasses import replace

import pytest

from gecholog.health import ChecksumFile, ChecksumLock
from services.ginit import process
from services.ginit.decision.events import HeartbeatMissed, HeartbeatSeen, StartDelayed
from services.ginit.decision.state import HANGS_AFTER_S, Phase
from services.ginit.liveness import LivenessMonitor, LivenessSources, responds
from tests.services.ginit.edges import appliance, definition, healthy
from tests.support.waiting import eventually, until


class Scene:
    """A monitor of the services in `state`, and what it reports."""

    def __init__(self, home, pid):
        self.state = appliance()
        self.reported = []
        self.pid = pid
        self.logged = None
        self.configured = None
        sources = LivenessSources(
            home, lambda: self.state, lambda _: self.pid, lambda _: self.logged, lambda _: self.configured
        )
        self.monitor = LivenessMonitor(sources, self.reported.append)

    def sample(self, *seconds):
        for now in seconds:
            self.monitor.sample(float(now))
        return self.reported


@pytest.fixture
def sleeper():
    """A process that does nothing, and has got over its start."""
    child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdin.write(b"ready\n")
    child.stdin.flush()
    assert child.stdout.readline() == b"ready\n"
    until(lambda: not process.waits_for_resources(child.pid), "a process that sleeps")
    yield child.pid
    child.kill()
    child.communicate()


@pytest.fixture
def scene(tmp_path, sleeper):
    made = Scene(tmp_path, sleeper)
    made.state = appliance(healthy(definition(tmp_path)))
    return made


@pytest.fixture
def lock(tmp_path):
    """The lock file whose time is the heartbeat of `one`."""
    made = ChecksumLock(ChecksumFile.of("one", tmp_path))
    assert made.acquire()
    yield made
    made.release()


@pytest.fixture
async def server():
    """A server that greets as nats-server does; its port, and the number of its clients."""
    clients = []

    async def greet(_, writer):
        clients.append(writer)
        writer.write(b"INFO {}\r\n")
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname(), clients
    listening.close()
    await listening.wait_closed()


def test_missed_heartbeats(scene, lock):
    """They are reported when there were too many to be chance, with the time."""
    lock.beat()
    assert scene.sample(0, 1, 2) == []
    assert scene.sample(3, 4) == [HeartbeatMissed("one", 3.0), HeartbeatMissed("one", 4.0)]


def test_heartbeat_that_is_back(scene, lock, tmp_path):
    """It is reported if ginit has noticed the silence."""
    lock.beat()
    scene.sample(0, 1, 2, 3)
    scene.state = appliance(healthy(definition(tmp_path), unresponsive_s=HANGS_AFTER_S))
    lock.beat()
    scene.reported.clear()
    assert scene.sample(4) == [HeartbeatSeen("one")]


def test_heartbeats_in_time(scene, lock):
    for second in range(10):
        lock.beat()
        scene.sample(second)
    assert scene.reported == []


def test_program_that_sends_no_heartbeats(scene):
    """Nothing is known of it, so it is left alone."""
    assert scene.sample(*range(60)) == []


def test_new_process_has_all_its_time(scene, lock, sleeper):
    """The silence of the one before is not counted against it."""
    lock.beat()
    scene.sample(0, 1, 2)
    scene.pid = 1
    assert scene.sample(3, 4) == []


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.STOPPING, Phase.IDLE])
def test_service_that_does_not_serve(scene, lock, tmp_path, phase):
    lock.beat()
    scene.state = appliance(healthy(definition(tmp_path), phase=phase))
    assert scene.sample(*range(60)) == []


def test_service_whose_process_is_not_known(scene, lock):
    lock.beat()
    scene.pid = 0
    assert scene.sample(*range(60)) == []


async def test_server_that_responds(scene, server, tmp_path):
    """Each sample asks once more; what counts is that a response came in between."""
    scene.state = appliance(healthy(definition(tmp_path, "bus", program="/bin/nats-server")))
    scene.logged, clients = server
    for second in range(4):
        scene.sample(second)
        await eventually(lambda second=second: scene.monitor._responses.get("bus", 0) > second)
    assert len(clients) == 4
    assert scene.reported == []


async def test_server_that_does_not_respond(scene, tmp_path):
    """It has logged where it listens, so it should. It is not asked again before the last answer has come."""
    scene.state = appliance(healthy(definition(tmp_path, "bus", program="/bin/nats-server")))
    clients = []
    listening = await asyncio.start_server(lambda *client: clients.append(client), "127.0.0.1", 0)
    scene.logged = listening.sockets[0].getsockname()
    for second in range(4):
        scene.sample(second)
        await eventually(lambda: clients)
    assert scene.reported == [HeartbeatMissed("bus", 3.0)]
    assert len(clients) == 1
    (probe,) = scene.monitor._probes.values()
    probe.cancel()
    await asyncio.wait([probe])
    await at_its_end(clients)
    listening.close()


async def at_its_end(clients):
    """Wait until a server sees that its client has gone, and close its side."""
    ((reader, writer),) = clients
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


async def test_server_that_may_listen_elsewhere(scene, tmp_path, free_port):
    """The address is a guess from its config: that nobody responds there says nothing."""
    scene.state = appliance(healthy(definition(tmp_path, "bus", program="/bin/nats-server")))
    scene.configured = ("127.0.0.1", free_port)
    assert scene.sample(*range(60)) == []
    await asyncio.gather(*scene.monitor._probes.values())


async def test_response_of_a_server(server, free_port):
    """A word, or the end of the connection, but not silence, nor a port that nobody listens on."""
    address, _ = server
    assert await responds(*address)
    assert not await responds("127.0.0.1", free_port)
    clients = []
    silent = await asyncio.start_server(lambda *client: clients.append(client), "127.0.0.1", 0)
    assert not await responds(*silent.sockets[0].getsockname(), timeout_s=0.05)
    await at_its_end(clients)
    silent.close()
    closing = await asyncio.start_server(lambda _, writer: writer.transport.abort(), "127.0.0.1", 0)
    assert await responds(*closing.sockets[0].getsockname())
    closing.close()


def test_start_on_a_busy_machine(scene, monkeypatch):
    """Only a service that is starting is reported, and not before its second sample."""
    monkeypatch.setattr(process, "waits_for_resources", lambda _: True)
    monkeypatch.setattr(process, "cpu_seconds", lambda _: 0.0)
    scene.state = appliance(replace(scene.state.services[0], phase=Phase.STARTING))
    assert scene.sample(100) == []
    assert scene.sample(101, 103) == [StartDelayed("one", 1.0), StartDelayed("one", 2.0)]


def test_start_of_a_process_that_sleeps(scene):
    scene.state = appliance(replace(scene.state.services[0], phase=Phase.STARTING))
    assert scene.sample(100, 101, 110) == []
