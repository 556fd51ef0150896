"""Replicas that share their knowledge, on a real bus."""

import asyncio
import json
from contextlib import asynccontextmanager
from random import Random

import pytest

from gecholog.bus import Bus, BusAddress
from gecholog.errors import NoAnswer
from gecholog.keyvalue import Conflict, Entry, KeyValue
from gecholog.logs import Log
from gecholog.rawjson import Raw
from gecholog.timer import now
from processors.broker.groups import Group, UnavailableResponse, WhenAllOpen
from processors.broker.health import BreakerPolicy, BreakerState, Failure, Health
from processors.broker.health_table import HealthTable
from processors.broker.outcome import Outcome
from processors.broker.replication import HealthReplicator
from processors.broker.strategies import STRATEGIES, Target
from tests.processors.broker.rig import TARGETS
from tests.support.waiting import DEADLINE, eventually

ONE, TWO, THREE = TARGETS
GROUP = Group(
    "/a/",
    tuple(Target(path) for path in TARGETS),
    STRATEGIES["random"],
    failover=True,
    when_all_open=WhenAllOpen.REFUSE,
    unavailable=UnavailableResponse(503, Raw(b"{}")),
)


class Replica:
    """A health table and its replicator."""

    def __init__(self, store, policy):
        self.table = HealthTable((GROUP,), policy, Random(1))
        self.store = store
        self.replicator = HealthReplicator(store, self.table, now)

    def fails(self, path, asked=None):
        if self.table.learn(Outcome(path, Failure("status 503", asked)), now().monotonic_ns / 1e9):
            self.replicator.publish(path)

    def works(self, path):
        if self.table.learn(Outcome(path), now().monotonic_ns / 1e9):
            self.replicator.publish(path)

    def state(self, path):
        health = self.table.health(path)
        return health.state if health else "in"

    async def sees(self, path, state):
        await eventually(lambda: self.state(path) == state, f"{path} to be {state}")


@pytest.fixture
def replica():
    """Start a replica on a bus connection of its own: `async with replica(nats_server) as one`."""

    @asynccontextmanager
    async def live(server, policy=None):
        bus = Bus(BusAddress.of(server.hostname, server.token), "test", Log("test"))
        made = Replica(KeyValue(bus, "broker_test"), policy or BreakerPolicy())
        bus.on_connect(made.replicator.connected)
        running = asyncio.create_task(bus.run())
        await bus.opened()
        coordinator = asyncio.create_task(made.replicator.run())
        try:
            async with asyncio.timeout(30):
                await made.replicator.ready.wait()
            yield made
        finally:
            coordinator.cancel()
            await asyncio.wait({coordinator})
            await bus.close()
            await running

    return live


async def test_told(nats_server, replica):
    """Replicas learn what one of them finds out, and so does a new one."""
    async with replica(nats_server) as one, replica(nats_server) as two:
        one.fails(ONE)
        two.fails(TWO)
        await two.sees(ONE, BreakerState.OPEN)
        await one.sees(TWO, BreakerState.OPEN)
        async with replica(nats_server) as three:
            assert (three.state(ONE), three.state(TWO), three.state(THREE)) == (
                BreakerState.OPEN,
                BreakerState.OPEN,
                "in",
            )
            left = three.table.health(ONE).half_open_at - now().monotonic_ns / 1e9
            assert 500 < left <= 600


async def test_one_probe(nats_server, replica):
    """Of many that ask at the same time one is granted the probe, and the others learn it."""
    async with replica(nats_server) as one, replica(nats_server) as two, replica(nats_server) as three:
        one.fails(ONE, asked=0)
        await two.sees(ONE, BreakerState.OPEN)
        await three.sees(ONE, BreakerState.OPEN)
        await eventually(lambda: not one.replicator._unwritten and not one.replicator._writing)
        granted: list[bool] = []
        while True not in granted:  # a grant that is too late for its call is for the next one
            granted = await asyncio.gather(*(each.replicator.acquire_probe(ONE) for each in (one, two, three)))
        assert granted.count(True) == 1
        for each in (one, two, three):
            await each.sees(ONE, BreakerState.HALF_OPEN)
        two.works(ONE)
        for each in (one, two, three):
            await each.sees(ONE, "in")


async def test_probe_is_lost(nats_server, replica):
    """If a probe has no result in time, the next one that asks is granted another."""
    policy = BreakerPolicy(probe_timeout_s=0)
    async with replica(nats_server, policy) as one, replica(nats_server, policy) as two:
        one.fails(ONE, asked=0)
        await two.sees(ONE, BreakerState.OPEN)
        assert await two.replicator.acquire_probe(ONE)
        await one.sees(ONE, BreakerState.HALF_OPEN)
        assert await one.replicator.acquire_probe(ONE)


async def test_without_jetstream(plain_nats_server, replica):
    """On a bus without JetStream each replica uses its own knowledge only."""
    async with replica(plain_nats_server) as one, replica(plain_nats_server) as two:
        one.fails(ONE, asked=0)
        assert two.state(ONE) == "in"
        assert await one.replicator.acquire_probe(ONE)
        assert one.state(ONE) is BreakerState.HALF_OPEN


async def test_bus_comes_back(nats_server, replica):
    """Results from an outage of the bus are shared afterwards, and earlier ones are still known."""
    async with replica(nats_server) as one, replica(nats_server) as two:
        one.fails(ONE)
        await two.sees(ONE, BreakerState.OPEN)
        nats_server.kill()
        one.fails(TWO)
        nats_server.start()
        await two.sees(TWO, BreakerState.OPEN)
        assert two.state(ONE) is BreakerState.OPEN
        two.fails(THREE)
        await one.sees(THREE, BreakerState.OPEN)


async def test_by_hand(nats_server, replica):
    """A person can open a circuit breaker, and close it by deleting its key."""
    async with replica(nats_server) as one:
        await one.store.put(ONE, b'{"state": "out"}')
        await one.sees(ONE, BreakerState.OPEN)
        await one.store.put(TWO, b"what?")
        await one.store.delete(ONE)
        await one.sees(ONE, "in")
        assert one.state(TWO) == "in"


async def test_what_is_written(nats_server, replica):
    """People can read an entry of the bucket."""
    async with replica(nats_server) as one, replica(nats_server) as two:
        one.fails(ONE)
        await two.sees(ONE, BreakerState.OPEN)
        told = json.loads((await two.store.get(ONE)).value)
        assert (told["state"], told["reason"]) == ("out", "status 503")


async def test_a_key_that_vanishes(nats_server, replica):
    """A purge or an age limit causes no notification. The target is probed nevertheless, by one replica."""
    async with replica(nats_server) as one, replica(nats_server) as two:
        one.fails(ONE, asked=0)
        await two.sees(ONE, BreakerState.OPEN)
        await eventually(lambda: ONE in one.replicator._revisions)
        await one.store.purge(ONE, one.replicator._revisions[ONE])
        # a grant may be too late for its call, and is for a later one
        await eventually_granted(one, two)
        await one.sees(ONE, BreakerState.HALF_OPEN)
        await two.sees(ONE, BreakerState.HALF_OPEN)


async def eventually_granted(*replicas):
    """Ask for a probe, as calls do, until a replica is granted it."""
    end = asyncio.get_running_loop().time() + DEADLINE
    while not any(await asyncio.gather(*(each.replicator.acquire_probe(ONE) for each in replicas))):
        assert asyncio.get_running_loop().time() < end, "nobody is granted the probe"
        await asyncio.sleep(0.02)


async def remade(replica):
    """Delete the bucket and create it again. Its revisions start again."""
    await replica.store._bus.request("$JS.API.STREAM.DELETE.KV_broker_test", b"", 5)
    await replica.store.ensure()


async def test_another_bucket(nats_server, replica):
    """Before the watch has noticed that the bucket was replaced, a half-open target is probed."""
    async with replica(nats_server) as one:
        for _ in range(5):
            await one.store.put(ONE, b'{"state": "in"}')
        one.fails(ONE, asked=0)
        await eventually(lambda: one.replicator._revisions.get(ONE) == 6)
        await remade(one)
        await one.store.put(ONE, b'{"state": "out", "until": "2020-01-01T00:00:00Z", "by": "another"}')
        await eventually_granted(one)


async def test_word_from_another_bucket(nats_server, replica):
    """When the watch has restarted, updates of others count although their revisions are lower."""
    async with replica(nats_server) as one:
        for _ in range(5):
            await one.store.put(ONE, b'{"state": "in"}')
        one.fails(ONE)
        await eventually(lambda: one.replicator._revisions.get(ONE) == 6)
        await remade(one)
        await one.store.put(ONE, b'{"state": "in", "by": "another"}')
        await one.store._bus.publish(one.replicator._watch._round.inbox, b"whoever")
        await one.sees(ONE, "in")


async def test_a_clock_that_is_wrong(nats_server, replica):
    """Updates last as long as they should, even if the clock of the sender is wrong."""
    async with replica(nats_server) as one:
        await one.store.put(ONE, b'{"state": "probing", "until": "2020-01-01T00:01:00Z", "at": "2020-01-01T00:00:00Z"}')
        await one.sees(ONE, BreakerState.HALF_OPEN)
        assert not one.table.health(ONE).may_probe(now().monotonic_ns / 1e9)


class SlowStore:
    """A bucket that responds when the test says so."""

    current = True

    def __init__(self):
        self.go_on = asyncio.Event()
        self.entry = None
        self.fault = None
        self.handler = self.begins = None
        self.log = []

    async def ensure(self):
        pass

    async def watch(self, handler, *, begins=None):
        self.handler = handler
        self.begins = begins
        return self

    async def caught_up(self):
        pass

    async def close(self):
        pass

    async def get(self, key):
        return self.entry

    async def put(self, key, value):
        return await self._store("put", value)

    async def create(self, key, value):
        return await self._store("create", value)

    async def update(self, key, value, revision):
        return await self._store(f"update {revision}", value)

    async def _store(self, how, value):
        self.log.append((how, json.loads(value)["state"]))
        await self.go_on.wait()
        if self.fault:
            raise self.fault
        return 10 * len(self.log)

    def says(self, state, revision):
        value = json.dumps({"state": state, "by": "someone", "until": None}).encode()
        return Entry(ONE, value, revision)


@pytest.fixture
async def slow():
    """A replica with a slow bucket."""
    made = Replica(SlowStore(), BreakerPolicy())
    coordinator = asyncio.create_task(made.replicator.run())
    await made.replicator.ready.wait()
    yield made
    coordinator.cancel()
    await asyncio.wait({coordinator})


async def test_a_call_does_not_wait(slow):
    """A late grant is used by a later call, and is requested only once."""
    slow.table.put(ONE, Health(BreakerState.OPEN, 0))
    assert not await slow.replicator.acquire_probe(ONE)
    assert not await slow.replicator.acquire_probe(ONE)
    assert slow.state(ONE) is BreakerState.OPEN
    slow.store.go_on.set()
    await eventually(slow.replicator._claims[ONE].done, "the claim to be answered")
    assert await slow.replicator.acquire_probe(ONE)
    assert slow.store.log == [("create", "probing")]
    assert slow.state(ONE) is BreakerState.HALF_OPEN


async def test_not_answered(slow):
    """If the bus does not respond, a replica may probe, because a target must not be skipped forever."""
    slow.table.put(ONE, Health(BreakerState.OPEN, 0))
    slow.store.fault = NoAnswer("no answer in 5000 ms")
    slow.store.go_on.set()
    assert await slow.replicator.acquire_probe(ONE)
    assert slow.state(ONE) is BreakerState.HALF_OPEN
    await eventually(lambda: len(slow.store.log) > 1, "another attempt to write")
    slow.store.fault = None
    await eventually(lambda: slow.replicator._is_available, "the bucket to work again")


async def test_someone_was_first(slow):
    """A replica that is too late learns the current state, and may ask again when the target is half-open again."""
    slow.table.put(ONE, Health(BreakerState.OPEN, 0))
    slow.store.fault, slow.store.entry = Conflict(7), slow.store.says("probing", 7)
    slow.store.go_on.set()
    assert not await slow.replicator.acquire_probe(ONE)
    assert slow.state(ONE) is BreakerState.HALF_OPEN
    slow.store.fault = None
    assert await slow.replicator.acquire_probe(ONE)
    assert slow.store.log[-1] == ("update 7", "probing")


async def test_told_while_asking(slow):
    """A probe that is granted to another replica at the same moment does not become two."""
    slow.table.put(ONE, Health(BreakerState.OPEN, 0))
    asking = asyncio.create_task(slow.replicator.acquire_probe(ONE))
    await eventually(lambda: slow.replicator._claims, "the claim")
    await slow.store.handler(slow.store.says("probing", 7))
    slow.store.go_on.set()
    await asking
    assert slow.store.log[0] == ("create", "probing")


async def test_our_own_word_is_newer(slow):
    """Updates of others from before our own count less than ours, later ones count more."""
    slow.fails(ONE)
    await eventually(lambda: slow.store.log, "the write to begin")
    await slow.store.handler(slow.store.says("in", 9))
    slow.store.go_on.set()
    await eventually(lambda: not slow.replicator._writing, "the write to end")
    assert slow.state(ONE) is BreakerState.OPEN
    await slow.store.handler(slow.store.says("in", 11))
    assert slow.state(ONE) == "in"


async def test_their_word_came_meanwhile(slow):
    """An update that follows ours, and arrives before the confirmation of ours, is not lost."""
    slow.fails(ONE)
    await eventually(lambda: slow.store.log, "the write to begin")
    await slow.store.handler(slow.store.says("in", 11))
    assert slow.state(ONE) is BreakerState.OPEN
    slow.store.go_on.set()
    await slow.sees(ONE, "in")


async def test_a_store_that_was_lost(slow):
    """If the bus loses its store, a failed target is not taken for a working one."""
    slow.fails(ONE)
    slow.store.go_on.set()
    await eventually(lambda: slow.store.log and not slow.replicator._writing, "the write to end")
    await slow.store.handler(Entry(ONE, None, 0))
    assert slow.state(ONE) is BreakerState.OPEN
    await slow.store.handler(slow.store.says("in", 1))
    assert slow.state(ONE) == "in"
