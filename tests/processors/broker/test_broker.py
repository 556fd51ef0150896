"""The broker's replies to messages, without a bus."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.rawjson import Raw
from gecholog.timer import Timestamp
from processors.broker.broker import Broker
from processors.broker.groups import Group, UnavailableResponse, WhenAllOpen
from processors.broker.health import BreakerPolicy
from processors.broker.health_table import HealthTable
from processors.broker.strategies import STRATEGIES, Target
from tests.processors.broker.rig import TARGETS

SECOND = 1_000_000_000


class FakeCoordinator:
    """Grants every probe or none, and keeps the updates that it gets."""

    def __init__(self, table, clock):
        self.told = []
        self.granted = []
        self.grants = True
        self._table = table
        self._clock = clock

    async def acquire_probe(self, path):
        if self.grants:
            self.granted.append(path)
            self._table.put(path, self._table.half_open(path, self._clock().monotonic_ns / SECOND))
        return self.grants

    def publish(self, path):
        self.told.append(path)


class Rig:
    """A broker with a clock that only the test advances."""

    def __init__(self, strategy="round_robin", *, failover=True, when_all_open=WhenAllOpen.REFUSE, **options):
        refusal = UnavailableResponse(529, Raw(b'{"type":"overloaded"}'))
        targets = tuple(Target(path) for path in TARGETS)
        groups = (Group("/a/", targets, STRATEGIES[strategy], failover, when_all_open, refusal),)
        self.now = 1000.0
        table = HealthTable(groups, BreakerPolicy(), Random(1))
        self.coordinator = FakeCoordinator(table, self.clock)
        self.broker = Broker(table, self.clock)
        self.broker.configure(groups, **({"any_status_but_200": False} | options))

    def clock(self):
        return Timestamp(1_700_000_000 * SECOND, int(self.now * SECOND))

    async def send(self, data):
        return await self.broker.answer(data, self.coordinator)

    async def request(self, **fields):
        answer = await self.send(json.dumps({"gl_path": "/a/"} | fields).encode())
        return json.loads(answer) if answer else {}

    async def response(self, path, status, **fields):
        assert await self.send(json.dumps({"gl_path": path, "egress_status_code": status} | fields).encode()) == b""

    async def all_out(self):
        for path in TARGETS:
            await self.response(path, 500)


ONE, TWO, THREE = TARGETS


async def test_request():
    """A request is sent to a target, and gl gets the others for failover."""
    rig = Rig()
    assert await rig.request() == {"gl_path": ONE, "fallback_paths": [TWO, THREE]}
    assert await rig.request() == {"gl_path": TWO, "fallback_paths": [THREE, ONE]}


async def test_without_failover():
    """gl gets one target."""
    assert await Rig(failover=False).request() == {"gl_path": ONE}


async def test_one_left():
    """If one target is left, there is no failover."""
    rig = Rig()
    await rig.response(ONE, 500)
    await rig.response(THREE, 500)
    assert await rig.request() == {"gl_path": TWO}
    assert rig.coordinator.told == [ONE, THREE]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"gl_path": 7}',
        b'{"gl_path": null}',
        b'{"gl_path": ["/a/"]}',
        b'{"gl_path": "/other/"}',
        b'{"gl_path": "/a/one/"}',
        b'{"gl_path": "/a/", "control": {"error": "cap"}}',
        b'{"gl_path": "/a/one/", "egress_status_code": "500"}',
        b'{"egress_status_code": 500}',
        b'{"attempts": 7}',
    ],
)
async def test_nothing_to_write(message):
    """Messages that do not concern the broker get an empty reply, and open no circuit breaker."""
    rig = Rig()
    assert await rig.send(message) == b""
    assert (await rig.request())["gl_path"] == ONE
    assert not rig.coordinator.told


async def test_learns_from_attempts():
    """A failed attempt within a successful call opens the target's circuit breaker."""
    rig = Rig()
    attempts = [{"gl_path": ONE, "error": "refused"}, {"gl_path": TWO, "status_code": 200}]
    await rig.response(TWO, 200, attempts=attempts)
    assert rig.coordinator.told == [ONE]
    assert await rig.request() == {"gl_path": TWO, "fallback_paths": [THREE]}


async def test_probe():
    """When the time is over, one call probes the target, with failover to the others. The next calls do not."""
    rig = Rig()
    await rig.response(ONE, 500)
    rig.now += 600
    assert await rig.request() == {"gl_path": ONE, "fallback_paths": [TWO, THREE]}
    assert (await rig.request())["gl_path"] != ONE
    await rig.response(ONE, 200)
    assert rig.coordinator.told == [ONE, ONE]
    assert ONE in [(await rig.request())["gl_path"] for _ in range(3)]


async def test_probe_not_granted():
    """A call that may not probe goes to another target."""
    rig = Rig()
    await rig.response(ONE, 500)
    rig.now += 600
    rig.coordinator.grants = False
    assert ONE not in [(await rig.request())["gl_path"] for _ in range(3)]


async def test_probe_in_vain():
    """A failed probe opens the circuit breaker for the same time again."""
    rig = Rig()
    await rig.response(ONE, 500)
    rig.now += 600
    await rig.request()
    await rig.response(ONE, 503)
    rig.now += 599
    assert ONE not in [(await rig.request())["gl_path"] for _ in range(3)]
    rig.now += 1
    assert (await rig.request())["gl_path"] == ONE


async def test_refusal():
    """If all circuit breakers are open, the call gets a response with `Retry-After`."""
    rig = Rig()
    await rig.all_out()
    await rig.response(TWO, 429, egress_headers={"Retry-After": ["700"]})
    rig.now += 0.5
    assert await rig.request() == {
        "control": {"type": "overloaded"},
        "control_status_code": 529,
        "control_headers": {"Retry-After": ["600"]},
    }
    rig.now += 600
    rig.coordinator.grants = False
    assert (await rig.request())["control_headers"] == {"Retry-After": ["1"]}


async def test_pass():
    """If all circuit breakers are open, the call can be passed on unchanged."""
    rig = Rig(when_all_open=WhenAllOpen.PASS)
    await rig.all_out()
    assert await rig.request() == {}


async def test_least_bad():
    """If all are open, the call can go to the targets that return first (panic). A success closes the breaker."""
    rig = Rig(when_all_open=WhenAllOpen.PANIC)
    for path in TARGETS:
        rig.now += 1
        await rig.response(path, 500)
    assert await rig.request() == {"gl_path": ONE, "fallback_paths": [TWO, THREE]}
    await rig.response(ONE, 200)
    assert await rig.request() == {"gl_path": ONE}


async def test_the_last_one_is_probed():
    """If all circuit breakers are open, a half-open target gets the call."""
    rig = Rig()
    await rig.all_out()
    rig.now += 600
    assert await rig.request() == {"gl_path": min(TARGETS)}


async def test_the_originals_rule():
    """Any status but 200 can count as a failure."""
    rig = Rig(any_status_but_200=True)
    await rig.response(ONE, 404)
    assert rig.coordinator.told == [ONE]


@given(st.binary())
async def test_any_bytes(data):
    """Any message gets a reply."""
    assert await Rig().send(data) == b""
