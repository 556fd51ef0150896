"""Replicas that share their circuit breakers, on a real bus."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

import pytest

from gecholog.bus import Bus, BusAddress
from gecholog.keyvalue import KeyValue
from gecholog.logs import Log
from gecholog.timer import Timestamp, now
from services.gl.candidates.candidate import Candidate
from services.gl.candidates.target_key import bus_part
from services.gl.resilience.breaker import BreakerRules, State
from services.gl.resilience.rules import ResilienceRules
from services.gl.routing.routers import Router, no_target
from services.gl.targets.breakers import Breakers
from services.gl.targets.replication import BreakerReplicator
from tests.support.waiting import eventually

TOPIC = "coburn.gl.gecholog"
RULES = BreakerRules(failures=1, open=300.0)
SHORT = BreakerRules(failures=1, open=0.05)
A, B = (
    Candidate(Router(path, {}, no_target(), resilience=ResilienceRules(breaker=RULES))) for path in ("/a/", "/b.c/")
)
C = Candidate(Router("/c/", {}, no_target(), resilience=ResilienceRules(breaker=SHORT)))
ALL = {one.key: one.breaker for one in (A, B, C)}


class Replica:
    """The circuit breakers of a process and their replicator."""

    def __init__(self, bus, topic):
        self.bus = bus
        self.ahead = 0.0  # seconds
        self.breakers = Breakers()
        self.store = KeyValue(bus, "gecholog_breakers")
        self.replicator = BreakerReplicator(self.store, topic, self.breakers, ALL.get, self.clock)

    def clock(self):
        return Timestamp(now().wall_ns, now().monotonic_ns + round(self.ahead * 1e9))

    def fails(self, candidate):
        self.breakers.ended(candidate, self.breakers.began(candidate), failed=True, reason="status 503")

    def works(self, candidate):
        self.breakers.ended(candidate, self.breakers.began(candidate), failed=False)

    def state(self, candidate):
        found = {one.target: one.state for one in self.breakers.states()}
        return found.get(candidate.key, State.CLOSED)

    async def sees(self, candidate, *states):
        await eventually(lambda: self.state(candidate) in states, f"{candidate.key} to be {states}")

    @property
    def is_current(self):
        return self.replicator._watch is not None and self.replicator._watch.current

    @property
    def is_idle(self):
        return not (self.replicator._unwritten or self.replicator._writing)


@pytest.fixture
def replica():
    """Start a replica on a bus connection of its own: `async with replica(nats_server) as one`."""

    @asynccontextmanager
    async def live(server, topic=TOPIC, *, waits=True):
        bus = Bus(BusAddress.of(server.hostname, server.token), "test", Log("test"))
        made = Replica(bus, topic)
        bus.on_connect(made.replicator.connected)
        running = asyncio.create_task(bus.run())
        await bus.opened()
        replicating = asyncio.create_task(made.replicator.run())
        try:
            if waits:
                await eventually(lambda: made.is_current, "the watch")
            yield made
        finally:
            replicating.cancel()
            await asyncio.wait({replicating})
            await bus.close()
            await running

    return live


async def test_open_and_closed(nats_server, replica):
    """What one replica finds out is in force in the others, and in one that starts later."""
    async with replica(nats_server) as one, replica(nats_server) as two:
        one.fails(A)
        two.fails(B)
        await two.sees(A, State.OPEN)
        await one.sees(B, State.OPEN)
        async with replica(nats_server) as three:
            assert (three.state(A), three.state(B), three.state(C)) == (State.OPEN, State.OPEN, State.CLOSED)
            assert 290 < three.breakers.get("/a/").until - time.monotonic() <= 300
            assert three.breakers.get("/a/").reason == "1 failures in a row, the last: status 503"
            two.works(A)
            for each in (one, two, three):
                await each.sees(A, State.CLOSED)
                assert each.state(B) is State.OPEN


async def test_half_open(nats_server, replica):
    """Each replica has one probe; whoever succeeds closes all of them."""
    async with replica(nats_server) as one, replica(nats_server) as two:
        one.fails(C)
        await two.sees(C, State.OPEN, State.HALF_OPEN)
        for each in (one, two):
            await each.sees(C, State.HALF_OPEN)
            each.probe = each.breakers.began(C)
            assert not each.breakers.admits(C)
        one.breakers.ended(C, one.probe, failed=False)
        await two.sees(C, State.CLOSED)


async def test_state_of_a_process_that_died(nats_server, replica):
    """An open breaker ends when it said, also if nobody is left who could close it."""
    async with replica(nats_server) as one:
        one.fails(C)
        await eventually(lambda: one.is_idle)
    async with replica(nats_server) as two:
        await two.sees(C, State.HALF_OPEN)
        assert two.breakers.admits(C)


async def test_other_topics(nats_server, replica):
    """A gateway of another topic has other targets, even under the same path."""
    async with replica(nats_server) as one, replica(nats_server, "coburn.other") as other:
        one.fails(A)
        other.fails(B)
        await eventually(lambda: one.is_idle and other.is_idle)
        async with replica(nats_server) as two:
            assert (two.state(A), two.state(B)) == (State.OPEN, State.CLOSED)


async def test_garbage(nats_server, replica):
    """Values that are none, targets that nobody has and times endlessly do no harm."""
    async with replica(nats_server) as one:
        hostile = {"state": "open", "opened": "2000-01-01T00:00:00Z", "until": "9000-01-01T00:00:00Z"}
        hostile |= {"at": "2000-01-01T00:00:00Z", "by": "x", "reason": "y"}
        for part, value in [
            (bus_part("/a/"), b"\xff\x00"),
            (bus_part("/a/"), b"[" * 3000),
            (bus_part("/unknown/"), json.dumps(hostile).encode()),
            ("=ZZ", json.dumps(hostile).encode()),
            ("=FF=FE", json.dumps(hostile).encode()),
            (bus_part("/c/"), json.dumps(hostile).encode()),
        ]:
            await one.store.put(f"{TOPIC}.{part}", value)
        one.fails(B)
        await one.sees(C, State.OPEN, State.HALF_OPEN)
        await one.sees(C, State.HALF_OPEN)  # by its own rules
        assert one.state(A) is State.CLOSED
        assert {state.target for state in one.breakers.states()} == {"/b.c/", "/c/"}


async def test_bus_away(nats_server, replica):
    """Without the bus each replica continues with its own, and they agree again when it is back."""
    async with replica(nats_server) as one, replica(nats_server) as two:
        nats_server.kill()
        await eventually(lambda: not (one.bus.connected or two.bus.connected))
        one.fails(A)
        two.fails(B)
        assert (one.state(A), two.state(A)) == (State.OPEN, State.CLOSED)
        nats_server.start()
        await two.sees(A, State.OPEN)
        await one.sees(B, State.OPEN)


async def test_no_jetstream(bus_server, replica):
    """Without JetStream nothing is shared, and nothing fails."""
    async with replica(bus_server, waits=False) as one:
        await eventually(lambda: one.replicator._has_no_store)
        one.fails(A)
        assert one.state(A) is State.OPEN


async def test_the_last_write_wins(nats_server, replica):
    """Replicas that disagree at the same moment agree in the end."""
    async with replica(nats_server) as one, replica(nats_server) as two:
        one.fails(A)
        await two.sees(A, State.OPEN)
        for _ in range(50):
            one.works(A)
            two.fails(A)
            two.works(A)
            one.fails(A)
            await asyncio.sleep(0)
        await eventually(lambda: one.is_idle and two.is_idle)
        last = await one.store.get(f"{TOPIC}.{bus_part('/a/')}")
        state = State(json.loads(last.value)["state"])
        for each in (one, two):
            await each.sees(A, state)


async def test_old_entries_are_removed(nats_server, replica):
    """Entries that nobody updated for long do not fill the bucket; who has read them keeps the state."""
    async with replica(nats_server) as one:
        one.fails(A)
        key = f"{TOPIC}.{bus_part('/a/')}"
        await eventually(lambda: key in one.replicator._entries and one.is_idle)
        await one.replicator._sweep()
        assert await one.store.get(key) is not None
        one.ahead = 3600.0
        await one.replicator._sweep()
        assert await one.store.get(key) is None
        assert one.state(A) is State.OPEN
