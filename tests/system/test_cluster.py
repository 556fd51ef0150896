"""A cluster of three nats-servers under calls: servers are killed, shut down and cut off, and nothing is lost.

`CLUSTER_KILLS` (kills of the leader, and as many of a follower), `CLUSTER_RATE` (calls a second to two gateways) and
`CLUSTER_CUT` (seconds of a partition) set the load. Run by `make soak`, or with one of these variables set.
"""

import asyncio
import os
import signal
import sys
import time

import pytest
import uvloop

from tests.support import network
from tests.support.nats_cluster import NatsCluster
from tests.system.fleet import Fleet

pytestmark = pytest.mark.skipif(
    not any(name.startswith("CLUSTER_") for name in os.environ), reason="minutes long: run by `make soak`"
)

KILLS = int(os.environ.get("CLUSTER_KILLS", "2"))
RATE = float(os.environ.get("CLUSTER_RATE", "60"))

CUT = float(os.environ.get("CLUSTER_CUT", "4"))  # seconds for which a server is cut off

_BEFORE, _AWAY, _SEGMENT = 1.0, 2.0, 6.0  # seconds: until a kill, until the server is started again, of calls in all
_LIMIT = 300 + 60 * KILLS  # seconds of a test


class Scene:
    """A fleet on a cluster, and what became of its calls."""

    def __init__(self, folder, cluster, title):
        self.cluster = cluster
        self.fleet = Fleet(folder, cluster)
        self.marks = [f"{title}: {RATE:.0f} calls/s to two gateways, load average {os.getloadavg()[0]:.1f}"]
        self.complete, self.calls, self.failed, self.broken, self.bad = set(), 0, 0, 0, 0
        self.slowest = 0.0

    async def segment(self, meanwhile, seconds=_SEGMENT):
        """Calls while something happens; then everything has to be as it should."""
        began = time.monotonic()
        for tally in await self.fleet.load(RATE, seconds, meanwhile):
            self.calls += tally.calls
            self.complete |= tally.complete
            self.failed += tally.failed
            self.broken += len(tally.broken)
            self.bad += sum(number for status, number in tally.statuses.items() if status != 200)
            self.slowest = max(self.slowest, tally.slowest)
        loaded = time.monotonic()
        await self.fleet.healed()
        await self.fleet.settled(self.complete)
        tokens = await self.fleet.tokens()
        await self.fleet.agrees(tokens)
        self.marks.append(
            f"{loaded - began:6.1f} s of calls, {time.monotonic() - loaded:5.1f} s until all agreed on {tokens} tokens"
        )

    def verdict(self):
        """Print what was seen; returns the numbers that have to be 0."""
        file = self.fleet.file
        numbers = {
            "calls without a reply": self.failed,
            "replies that broke off": self.broken,
            "replies other than 200": self.bad,
            "complete calls without a record": len(self.complete - file.places.keys()),
            "records twice in the file": file.duplicates,
            "torn lines": file.torn,
            "processes that ended": int(not self.fleet.alive),
        }
        lines = [*self.marks, f"calls {self.calls}, complete {len(self.complete)}, slowest {self.slowest:.2f} s"]
        lines += [f"file: {file.lines} lines", *(f"{name}: {number}" for name, number in numbers.items())]
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
        return numbers


async def scene_of(folder, cluster, title, happen):
    """Start everything, let `happen` happen, end everything; returns the numbers that have to be 0."""
    scene = Scene(folder, cluster, title)
    try:
        await asyncio.to_thread(cluster.start)
        await scene.fleet.up()
        await happen(scene)
        return scene.verdict()
    finally:
        await scene.fleet.close()
        cluster.kill()


async def bring_down(scene, server, end):
    """End a server in a way while calls go on, and start it again."""

    async def meanwhile():
        await asyncio.sleep(_BEFORE)
        await asyncio.to_thread(end, server)
        await asyncio.sleep(_AWAY)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)

    await scene.segment(meanwhile)


def killed(server):
    server.kill()


def lame(server):
    server.signal(signal.SIGUSR2)


@pytest.mark.slow
@pytest.mark.timeout(_LIMIT)
def test_servers_are_killed(tmp_path):
    """kill -9 of the server that leads the stream of records, and of one that follows, in turn."""

    async def happen(scene):
        for number in range(KILLS):
            leader = await scene.fleet.leader()
            scene.marks.append(f"kill -9 of the leader {leader}")
            await bring_down(scene, scene.cluster.named(leader), killed)
            leader = await scene.fleet.leader()
            followers = [server for server in scene.cluster.servers if server is not scene.cluster.named(leader)]
            scene.marks.append("kill -9 of a follower")
            await bring_down(scene, followers[number % 2], killed)

    numbers = uvloop.run(scene_of(tmp_path, NatsCluster(tmp_path / "cluster"), "kills", happen))
    assert not any(numbers.values())


@pytest.mark.slow
@pytest.mark.timeout(_LIMIT)
def test_servers_shut_down(tmp_path):
    """Lame duck mode of each server in turn, as an upgrade of a cluster does it."""

    async def happen(scene):
        for server in scene.cluster.servers:
            scene.marks.append("lame duck mode")
            await bring_down(scene, server, lame)

    numbers = uvloop.run(scene_of(tmp_path, NatsCluster(tmp_path / "cluster"), "lame ducks", happen))
    assert not any(numbers.values())


@pytest.mark.slow
@pytest.mark.timeout(_LIMIT)
@pytest.mark.skipif(bool(network.reason()), reason=network.reason())
@pytest.mark.parametrize("clients", [True, False], ids=["from all", "from the servers"])
def test_a_server_is_cut_off(tmp_path, clients):
    """The leader is cut off without a word: from everybody, or only from the other servers. Both ways calls go on."""
    machines = network.Network()
    machines.open()
    try:
        cluster = NatsCluster(tmp_path / "cluster", machines.places)

        async def happen(scene):
            leader = int((await scene.fleet.leader()).removeprefix("n"))

            async def meanwhile():
                await asyncio.sleep(_BEFORE)
                machines.cut(leader, clients=clients)
                await asyncio.sleep(CUT)
                machines.heal(leader)

            scene.marks.append(f"cut off: the leader n{leader}")
            await scene.segment(meanwhile, CUT + _SEGMENT)

        numbers = uvloop.run(scene_of(tmp_path, cluster, "partition", happen))
    finally:
        machines.close()
    assert not any(numbers.values())
