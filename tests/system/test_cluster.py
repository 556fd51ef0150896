"""A cluster of three nats-servers under calls: servers are killed, shut down and cut off, and nothing is lost.

`CLUSTER_KILLS` (kills of the leader, and as many of a follower), `CLUSTER_RATE` (calls a second to two gateways) and
`CLUSTER_CUT` (seconds of a partition) set the load. All but the first test run by `make soak`, or with one of these
variables set.
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
from tests.support.waiting import until
from tests.system.fleet import Fleet

on_demand = pytest.mark.skipif(
    not any(name.startswith("CLUSTER_") for name in os.environ), reason="minutes long: run by `make soak`"
)

KILLS = int(os.environ.get("CLUSTER_KILLS", "2"))
RATE = float(os.environ.get("CLUSTER_RATE", "60"))
CUT = float(os.environ.get("CLUSTER_CUT", "4"))  # seconds for which a server is cut off

_BEFORE, _AWAY, _AFTER = 1.0, 2.0, 2.0  # seconds of calls: before a server goes, while it is away, when it is back
_LIMIT = 300 + 60 * KILLS  # seconds of a test


class Scene:
    """A fleet on a cluster, and what became of its calls.

    `loses_questions`: a server dies with what it has in hand, so a question to a token counter may be lost with it. Its
    call is not counted then, and its record says that the counter did not answer. All others count exactly once.
    """

    def __init__(self, folder, cluster, title, *, loses_questions):
        self.cluster = cluster
        self.fleet = Fleet(folder, cluster)
        self.marks = [f"{title}: {RATE:.0f} calls/s to two gateways, load average {os.getloadavg()[0]:.1f}"]
        self.complete, self.calls, self.failed, self.broken, self.bad = set(), 0, 0, 0, 0
        self.slowest = 0.0
        self.seconds = 0.0
        self.tokens = 0
        self._loses_questions = loses_questions

    async def segment(self, meanwhile):
        """Calls while something happens; then everything has to be as it should."""
        began = time.monotonic()
        for tally in await self.fleet.load(RATE, meanwhile):
            self.calls += tally.calls
            self.complete |= tally.complete
            self.failed += tally.failed
            self.broken += len(tally.broken)
            self.bad += sum(number for status, number in tally.statuses.items() if status != 200)
            self.slowest = max(self.slowest, tally.slowest)
        loaded = time.monotonic()
        self.seconds += loaded - began
        await self.fleet.healed()
        await self.fleet.wait_for_records(self.complete)
        self.tokens = await self.fleet.agreed()
        self.marks.append(
            f"{loaded - began:6.1f} s of calls, {time.monotonic() - loaded:5.1f} s until all agreed on {self.tokens} "
            f"tokens; the records have {self.fleet.file.usage}, {self.fleet.file.counted} of them confirmed"
        )

    def verdict(self):
        """Print what was seen; returns the numbers that have to be 0."""
        file = self.fleet.file
        least = file.counted if self._loses_questions else file.usage
        numbers = {
            "calls without a reply": self.failed,
            "replies that broke off": self.broken,
            "replies other than 200": self.bad,
            "complete calls without a record": len(self.complete - file.places.keys()),
            "records twice in the file": file.duplicates,
            "torn lines": file.torn,
            "tokens that were not counted": max(0, least - self.tokens),
            "tokens that were counted twice": max(0, self.tokens - file.usage),
            "processes that ended": int(not self.fleet.alive),
        }
        rate = self.calls / self.seconds
        lines = [
            *self.marks,
            f"calls {self.calls} ({rate:.0f}/s), complete {len(self.complete)}, slowest {self.slowest:.2f} s",
            f"file: {file.lines} lines",
            *(f"{name}: {number}" for name, number in numbers.items()),
        ]
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
        return numbers


async def scene_of(folder, cluster, title, happen, *, loses_questions=True):
    """Start everything, let `happen` happen, end everything; returns the numbers that have to be 0."""
    scene = Scene(folder, cluster, title, loses_questions=loses_questions)
    try:
        await asyncio.to_thread(cluster.start)
        await scene.fleet.up()
        await happen(scene)
        return scene.verdict()
    finally:
        await scene.fleet.close()
        cluster.kill()


async def kill(scene, server):
    """kill -9 of a server while calls continue; it is started again."""

    async def meanwhile():
        await asyncio.sleep(_BEFORE)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(_AWAY)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(_AFTER)

    await scene.segment(meanwhile)


async def shut_down(scene, server):
    """Lame duck mode of a server while calls continue: it ends, and is started again, once all clients have left it."""

    async def meanwhile():
        await asyncio.sleep(_BEFORE)
        server.signal(signal.SIGUSR2)
        await asyncio.to_thread(until, lambda: server.client_count() == 0, "a server without clients")
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(_AFTER)

    await scene.segment(meanwhile)


async def kill_leader(scene):
    leader = await scene.fleet.leader()
    scene.marks.append(f"kill -9 of the leader {leader}")
    await kill(scene, scene.cluster.server_named(leader))


async def kill_follower(scene, number):
    leader = await scene.fleet.leader()
    followers = [server for server in scene.cluster.servers if server is not scene.cluster.server_named(leader)]
    scene.marks.append("kill -9 of a follower")
    await kill(scene, followers[number % 2])


async def shut_down_each(scene, servers):
    for server in servers:
        scene.marks.append("lame duck mode")
        await shut_down(scene, server)


@pytest.mark.slow
def test_in_short(tmp_path):
    """The leader is killed, and another server is shut down: no call and no record is lost, the counts agree."""

    async def happen(scene):
        await kill_leader(scene)
        await shut_down_each(scene, scene.cluster.servers[:1])

    numbers = uvloop.run(scene_of(tmp_path, NatsCluster(tmp_path / "cluster"), "in short", happen))
    assert not any(numbers.values())


@on_demand
@pytest.mark.slow
@pytest.mark.timeout(_LIMIT)
def test_servers_are_killed(tmp_path):
    """kill -9 of the server that leads the stream of records, and of one that follows, in turn."""

    async def happen(scene):
        for number in range(KILLS):
            await kill_leader(scene)
            await kill_follower(scene, number)

    numbers = uvloop.run(scene_of(tmp_path, NatsCluster(tmp_path / "cluster"), "kills", happen))
    assert not any(numbers.values())


@on_demand
@pytest.mark.slow
@pytest.mark.timeout(_LIMIT)
def test_servers_shut_down(tmp_path):
    """Lame duck mode of each server in turn, as an upgrade of a cluster does it: each call is counted exactly once."""

    async def happen(scene):
        await shut_down_each(scene, scene.cluster.servers)

    cluster = NatsCluster(tmp_path / "cluster")
    numbers = uvloop.run(scene_of(tmp_path, cluster, "lame ducks", happen, loses_questions=False))
    assert not any(numbers.values())


@on_demand
@pytest.mark.slow
@pytest.mark.timeout(_LIMIT)
@pytest.mark.skipif(bool(network.reason()), reason=network.reason())
@pytest.mark.parametrize("clients", [True, False], ids=["from all", "from the servers"])
def test_a_server_is_cut_off(tmp_path, clients):
    """The leader is cut off from all clients and servers, or only from the other servers. Both ways calls continue."""
    machines = network.Network()
    try:
        machines.open()
        cluster = NatsCluster(tmp_path / "cluster", machines.places)

        async def happen(scene):
            leader = int((await scene.fleet.leader()).removeprefix("n"))

            async def meanwhile():
                await asyncio.sleep(_BEFORE)
                machines.cut(leader, clients=clients)
                await asyncio.sleep(CUT)
                machines.heal(leader)
                await asyncio.sleep(_AFTER)

            scene.marks.append(f"cut off: the leader n{leader}")
            await scene.segment(meanwhile)

        numbers = uvloop.run(scene_of(tmp_path, cluster, "partition", happen))
    finally:
        machines.close()
    assert not any(numbers.values())
