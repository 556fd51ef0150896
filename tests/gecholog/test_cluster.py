"""The bus on a cluster: servers that it is told of, servers that die, servers that shut down in order."""

import asyncio
import signal
from contextlib import asynccontextmanager

import pytest

from gecholog import logs
from gecholog.bus import Bus, BusAddress
from gecholog.bus_storage import BusStorage
from gecholog.credentials import Credentials
from gecholog.errors import BusAway, NoAnswer
from gecholog.keyvalue import KeyValue
from gecholog.logs import Log
from gecholog.recordlog import Limits, RecordLogConfig, ask, ensure, ensure_fitting
from tests.support.nats_cluster import NatsCluster
from tests.support.waiting import DEADLINE, eventually


@pytest.fixture
def cluster(tmp_path):
    """Three servers without JetStream, which is what most of this needs."""
    made = NatsCluster(tmp_path, jetstream=False)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def durable_cluster(tmp_path):
    """Three servers with JetStream."""
    made = NatsCluster(tmp_path)
    made.start()
    yield made
    made.kill()


@asynccontextmanager
async def connected(cluster, hostnames=None, name="test"):
    bus = Bus(
        BusAddress.of_section({"hostname": hostnames or cluster.hostnames, "token": cluster.token}), name, Log(name)
    )
    running = asyncio.create_task(bus.run())
    try:
        async with asyncio.timeout(DEADLINE):
            await bus.opened()
        yield bus
    finally:
        await bus.close()
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(running, return_exceptions=True)


def server_of(cluster, bus):
    """The server that a bus is connected to."""
    return next(server for server in cluster.servers if server.port == bus._wire.server.port)


async def echo_on(bus, subject, queue=""):
    async def echo(message):
        await message.answer(message.data)

    await bus.subscribe(subject, echo, queue)


async def asked(bus, subject):
    """The answer to a request, asked until there is one."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await bus.request(subject, b"x", 1)
            except (NoAnswer, BusAway):
                await asyncio.sleep(0.02)


async def test_spread_over_servers(cluster):
    """Clients choose their server at random."""
    ports = set()
    for _ in range(20):
        async with connected(cluster) as bus:
            ports.add(bus._wire.server.port)
    assert len(ports) > 1


async def test_servers_that_a_server_told_of(cluster):
    """One server in the config is enough to find the others when it is killed."""
    first = cluster.servers[0]
    async with connected(cluster, [first.hostname]) as bus:
        await echo_on(bus, "a")
        for _ in range(3):
            killed = server_of(cluster, bus)
            await asyncio.to_thread(killed.kill)
            await eventually(lambda port=killed.port: bus.connected and bus._wire.server.port != port, "another server")
            assert await asked(bus, "a") == b"x"
            await asyncio.to_thread(killed.start)
            await eventually(cluster.is_complete, "the cluster")
            await eventually(lambda: len(bus._dialer._pool.servers) == 3, "news of the cluster")


async def test_servers_that_are_taken_away(cluster):
    """A server that leaves the cluster is not tried any more, unless the config names it."""
    first, second, third = cluster.servers
    async with connected(cluster, [first.hostname]) as bus:
        await asyncio.to_thread(third.stop)
        await eventually(lambda: {server.port for server in bus._dialer._pool.servers} == {first.port, second.port})


async def test_killed_under_requests(cluster):
    """With processors on each server, a killed one costs those requests that were under way there, and no others."""
    async with (
        connected(cluster, [cluster.hostnames[0]]) as asking,
        connected(cluster, [cluster.hostnames[1]]) as one,
        connected(cluster, [cluster.hostnames[2]]) as two,
    ):
        for bus in (one, two):
            await echo_on(bus, "echo", "group")
            await bus.flush()
        await eventually(lambda: cluster.servers[0].log.count("Route connection created") >= 2)
        await asked(asking, "echo")
        await asyncio.to_thread(cluster.servers[1].kill)
        failures = 0
        for _ in range(200):
            try:
                await asking.request("echo", b"", 0.25)
            except NoAnswer:
                failures += 1
        assert failures <= 4
        await eventually(lambda: one.connected)
        assert server_of(cluster, one) is not cluster.servers[1]


async def test_lame_duck(cluster, capsys):
    """A server that shuts down in order is left before it ends a connection: no request fails, no message is lost.

    What reaches the old server after the subscription has moved on is sent to the new one by the servers themselves.
    """
    logs.setup("test")
    async with connected(cluster) as asking, connected(cluster) as answering:
        taken = set()

        async def take(message):
            taken.add(int(message.data))

        await echo_on(answering, "echo", "group")
        await answering.subscribe("numbers", take)
        await answering.flush()
        assert await asked(asking, "echo") == b"x"
        sent = 0
        stop = False

        async def load():
            nonlocal sent
            while not stop:
                assert await asking.request("echo", b"y", 5) == b"y"
                await asking.publish("numbers", b"%d" % sent)
                sent += 1

        loading = asyncio.create_task(load())
        for bus in (asking, answering):
            await eventually(lambda: sent > 100)
            lame = server_of(cluster, bus)
            lame.signal(signal.SIGUSR2)
            await eventually(lambda bus=bus, port=lame.port: bus.connected and bus._wire.server.port != port, "a move")
            at = sent
            await eventually(lambda at=at: sent > at + 100)
            for other in (asking, answering):
                await eventually(lambda bus=other, port=lame.port: bus._wire.server.port != port, "a move")
            await eventually(lambda: not (asking._retiring or answering._retiring), "the end of old connections")
            await asyncio.to_thread(lame.kill)
            await asyncio.to_thread(lame.start)
            await eventually(cluster.is_complete, "the cluster")
            await eventually(lambda: all(len(bus._dialer._pool.servers) == 3 for bus in (asking, answering)))
        stop = True
        await loading
        await eventually(lambda: taken == set(range(sent)), "all messages")
    said = capsys.readouterr().out
    assert "moved to another server of the bus" in said
    assert "lost the bus" not in said


async def test_lame_duck_with_slow_answers(tmp_path):
    """A question that came before the move is answered over the connection that it came over.

    A server that allows answers only (allow_responses) remembers questions by connection.
    """
    users = [
        {"user": "gl", "password": "x"},
        {
            "user": "processor",
            "password": "y",
            "permissions": {"publish": [], "subscribe": ["slow"], "allow_responses": True},
        },
    ]
    cluster = NatsCluster(tmp_path, jetstream=False, settings={"authorization": {"users": users}})
    cluster.start()
    try:
        async with users_of(cluster) as (asking, answering):
            go = asyncio.Event()

            async def slow(message):
                await go.wait()
                await message.answer(b"late")

            await answering.subscribe("slow", slow, "group")
            await answering.flush()
            question = asyncio.create_task(asked_once(asking, "slow"))
            await eventually(lambda: answering._subscriptions[0]._task, "the question")
            lame = server_of(cluster, answering)
            lame.signal(signal.SIGUSR2)
            await eventually(lambda: answering._wire.server.port != lame.port, "a move")
            go.set()
            assert await question == b"late"
    finally:
        cluster.kill()


@asynccontextmanager
async def users_of(cluster):
    servers = BusAddress.of_section({"hostname": cluster.hostnames, "token": "x"}).servers
    buses = [
        Bus(BusAddress(servers, Credentials("", *login)), "t", Log("t")) for login in (("gl", "x"), ("processor", "y"))
    ]
    running = [asyncio.create_task(bus.run()) for bus in buses]
    try:
        async with asyncio.timeout(DEADLINE):
            for bus in buses:
                await bus.opened()
        yield buses
    finally:
        for bus in buses:
            await bus.close()
        await asyncio.gather(*running)


async def asked_once(bus, subject):
    """The answer to one request that someone hears."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await bus.request(subject, b"x", DEADLINE)
            except NoAnswer:  # nobody listens yet
                await asyncio.sleep(0.02)


async def test_lame_duck_alone(plain_nats_server, capsys):
    """With no other server the connection is used until it is lost, and then made again."""
    logs.setup("test")
    bus = Bus(BusAddress.of(plain_nats_server.hostname, plain_nats_server.token), "test", Log("test"))
    plain_nats_server.kill()
    plain_nats_server.settings |= {"lame_duck_grace_period": "1s", "lame_duck_duration": "30s"}
    await asyncio.to_thread(plain_nats_server.start)
    running = asyncio.create_task(bus.run())
    await bus.opened()
    await echo_on(bus, "a")
    plain_nats_server.signal(signal.SIGUSR2)
    await bus._wire.draining
    assert await bus.request("a", b"x", 5) == b"x"
    await asyncio.to_thread(plain_nats_server.kill)
    await asyncio.to_thread(plain_nats_server.start)
    assert await asked(bus, "a") == b"x"
    assert "no other server of the bus is reached" in capsys.readouterr().out
    await bus.close()
    await running


async def test_a_watch_over_a_lame_duck(durable_cluster):
    """A watch continues when its server shuts down, and learns of the last change of each key."""
    async with connected(durable_cluster) as bus, connected(durable_cluster) as writing:
        heard = {}

        async def take(entry):
            heard[entry.key] = entry.value

        bucket = KeyValue(bus, "things", replicas=3)
        watch = await bucket.watch(take)
        await watch.caught_up()
        other = KeyValue(writing, "things")
        for number in range(20):
            await ready(lambda n=number: other.put(f"k{n % 3}", b"%d" % n))  # the stream may look for a leader
            if number == 10:
                server_of(durable_cluster, bus).signal(signal.SIGUSR2)
        await eventually(lambda: heard == {"k0": b"18", "k1": b"19", "k2": b"17"}, "all changes")
        await watch.close()


# ------------------------------------------------------------------------------------------------------------ replicas


SMALL = Limits(max_bytes=1 << 20)


async def replicas_of(bus, stream):
    return (await ask(bus, f"STREAM.INFO.{stream}"))["config"]["num_replicas"]


async def ready(call):
    """What `call` returns once JetStream has a leader."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await call()
            except NoAnswer:
                await asyncio.sleep(0.1)


async def test_replicas(durable_cluster):
    """A new stream and a new bucket have as many as asked for; those that exist get more, and never fewer."""
    async with connected(durable_cluster) as bus:
        one, three = RecordLogConfig(limits=SMALL), RecordLogConfig(replicas=3, limits=SMALL)
        assert (await ready(lambda: ensure(bus, "s", one))).replicas == 1
        assert (await ready(lambda: ensure(bus, "s", three))).replicas == 3
        assert (await ensure(bus, "s", one)).replicas == 3
        other = RecordLogConfig("OTHER", 3, SMALL)
        assert (await ensure(bus, "t", other)).replicas == 3
        await KeyValue(bus, "things").ensure()
        assert await replicas_of(bus, "KV_things") == 1
        await KeyValue(bus, "things", replicas=3).ensure()
        assert await replicas_of(bus, "KV_things") == 3
        await KeyValue(bus, "things").ensure()
        assert await replicas_of(bus, "KV_things") == 3
        await KeyValue(bus, "more", replicas=3).ensure()
        assert await replicas_of(bus, "KV_more") == 3


async def test_too_few_servers(durable_cluster, capsys):
    """Fewer replicas are better than no stream; the log says so once, and what exists stays."""
    logs.setup("test")
    async with connected(durable_cluster) as bus:
        found = await ready(lambda: ensure(bus, "s", RecordLogConfig(replicas=5, limits=SMALL)))
        assert found.replicas == 1
        assert (await ensure(bus, "s", RecordLogConfig(replicas=3, limits=SMALL))).replicas == 3
        wider = RecordLogConfig(replicas=5, limits=Limits(max_bytes=1 << 20, max_age_seconds=0))
        assert (await ensure(bus, "s", wider)).max_age == 0
        bucket = KeyValue(bus, "things", replicas=5)
        for _ in range(2):
            await bucket.ensure()
            assert bucket.is_short
        assert await replicas_of(bus, "KV_things") == 1
        assert await bucket.put("a", b"1")
    assert capsys.readouterr().out.count("fewer replicas than configured") == 1


async def test_no_cluster(nats_server, capsys):
    """A single server takes the config of a cluster."""
    logs.setup("test")
    bus = Bus(BusAddress.of(nats_server.hostname, nats_server.token), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await bus.opened()
    for _ in range(2):
        assert (await ensure_fitting(bus, "s", RecordLogConfig(replicas=3, limits=SMALL))).replicas == 1
    bucket = KeyValue(bus, "things", replicas=3)
    await bucket.ensure()
    assert await bucket.put("a", b"1")
    assert "not supported in non-clustered mode" in capsys.readouterr().out
    await bus.close()
    await running


async def test_a_watch_adds_replicas(durable_cluster, monkeypatch):
    """A bucket that had too few servers gets its replicas when there are enough, without a new connection."""
    monkeypatch.setattr("gecholog.watch._LOOK_AGAIN", 0.2)
    async with connected(durable_cluster) as bus:
        bucket = KeyValue(bus, "things", replicas=5)
        watch = await bucket.watch(lambda _: asyncio.sleep(0))
        await watch.caught_up()
        assert await replicas_of(bus, "KV_things") == 1
        bucket._replicas = 3  # as if there were servers for what was asked for
        async with asyncio.timeout(DEADLINE):
            while await replicas_of(bus, "KV_things") == 1:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
        await watch.close()


async def test_namespaces(nats_server):
    """Two appliances on one server keep apart what they keep."""
    bus = Bus(BusAddress.of(nats_server.hostname, nats_server.token), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await bus.opened()
    ours, theirs = BusStorage(), BusStorage("team_b")
    assert (ours.stream, ours.bucket("tokens")) == ("GECHOLOG", "gecholog_tokens")
    assert (theirs.stream, theirs.bucket("tokens")) == ("TEAM_B", "team_b_tokens")
    for storage, subject in ((ours, "coburn.gl.logger"), (theirs, "team.b.logger")):
        assert (await ensure(bus, subject, RecordLogConfig(storage.stream, limits=SMALL))).subjects == (subject,)
        await bus.request(subject, b"{}", 5)
        assert (await ask(bus, f"STREAM.INFO.{storage.stream}"))["state"]["messages"] == 1
    await bus.close()
    await running


async def test_a_small_disk_in_a_cluster(durable_cluster):
    """Without room for the default the stream is made smaller, with all of its replicas."""
    async with connected(durable_cluster) as bus:
        ballast = {"name": "BALLAST", "subjects": ["x"], "storage": "file", "max_bytes": 700 << 20, "num_replicas": 3}
        await ready(lambda: ask(bus, "STREAM.CREATE.BALLAST", ballast))
        found = await ensure(bus, "s", RecordLogConfig(replicas=3))
        assert (found.max_bytes, found.replicas) == (256 << 20, 3)
        fitting = await ensure_fitting(bus, "t", RecordLogConfig("OTHER", 3, Limits(max_bytes=1 << 40)))
        assert fitting.replicas == 3
