"""The broker as a process on a real bus."""

import asyncio
import copy
import hashlib
import json

import pytest

from tests.processors.broker.rig import REFUSAL, TARGETS

ONE, TWO, THREE = TARGETS
OTHERS = {TWO, THREE}


def without_failover(config):
    changed = copy.deepcopy(config)
    changed["groups"][0]["failover"] = False
    return changed


def on(config, **bus):
    return config | {"service_bus": config["service_bus"] | bus}


async def until_paths(asking, expected):
    """Wait until calls go to exactly these targets."""
    async with asyncio.timeout(30):
        while await asking.paths() != expected:
            pass


async def test_routes_and_learns(nats_server, config, start, client):
    """It replies on the bus, skips failed targets, and is healthy while it serves."""
    process = start(config)
    assert process.checksum == hashlib.sha256(json.dumps(config, indent=2).encode()).hexdigest()
    async with client(nats_server) as asking:
        written = await asking.request()
        assert sorted([written["gl_path"], *written["fallback_paths"]]) == sorted(TARGETS)
        assert await asking.paths() == set(TARGETS)
        await asking.response(ONE, 400)
        assert await asking.paths() == set(TARGETS)
        await asking.response(ONE, 503)
        assert await asking.paths() == OTHERS
        assert await asking.request("/other/") == {}
    assert process.wait_for_log("target failed, circuit breaker opened")["reason"] == "status 503"
    assert await process.stopped() == 0
    assert process.checksum is None
    assert "Traceback" not in process.output


async def test_shows_itself(nats_server, config, start, client):
    """It is listed with the services of the bus (ADR-32)."""
    start(config)
    async with client(nats_server) as asking:
        found = json.loads(await asking.send(b"", subject="$SRV.INFO.broker"))
    assert [endpoint["subject"] for endpoint in found["endpoints"]] == ["coburn.gl.broker"]


async def test_disabled_time(nats_server, config, start, client):
    """A target returns when its time is over and its probe succeeds. The environment can set the time."""
    process = start(config | {"disabled_minutes": "${DISABLED_TIME}"}, DISABLED_TIME="0.01")
    async with client(nats_server) as asking:
        await asking.response(ONE, 500)
        async with asyncio.timeout(30):
            while (await asking.request())["gl_path"] != ONE:
                pass
        assert await asking.paths() == OTHERS
        await asking.response(ONE, 200)
        assert await asking.paths() == set(TARGETS)
    # A thread reads its output, so the reply may arrive first.
    await process.logged("target recovered, circuit breaker closed")
    messages = [message for message in process.messages() if "circuit breaker" in message]
    assert messages == [
        "target failed, circuit breaker opened",
        "probing target, circuit breaker half-open",
        "target recovered, circuit breaker closed",
    ]


async def test_all_out(nats_server, config, start, client):
    """If all circuit breakers are open, the call gets a response."""
    start(config)
    async with client(nats_server) as asking:
        for path in TARGETS:
            await asking.response(path, 429, egress_headers={"Retry-After": ["600"]})
        written = await asking.request()
    assert written["control_status_code"] == 503
    assert 1 <= int(written["control_headers"]["Retry-After"][0]) <= 600
    assert written["control"] == REFUSAL


async def test_reload(nats_server, config, start, reload, client):
    """A new config is in force at once, and knowledge of targets is kept."""
    process = start(config)
    before = process.checksum
    async with client(nats_server) as asking:
        await asking.response(ONE, 500)
        reload(process, without_failover(config))
        assert set(await asking.request()) == {"gl_path"}
        assert await asking.paths() == OTHERS
    assert process.checksum not in (None, before)


async def test_bad_reload_changes_nothing(nats_server, config, start, reload, client):
    """An invalid file is refused as a whole with the path of the problem, and the config in force stays."""
    process = start(config)
    before = process.checksum
    wrong = without_failover(config)
    wrong["groups"][0]["strategy"] = "best"
    reload(process, wrong, "config not taken")
    assert process.wait_for_log("config not taken")["path"] == "groups[0].strategy"
    assert process.checksum == before
    async with client(nats_server) as asking:
        assert "fallback_paths" in await asking.request()


async def test_reload_to_another_topic(nats_server, config, start, reload, client):
    """It moves to the new subject and keeps its knowledge."""
    process = start(config)
    async with client(nats_server) as asking:
        await asking.response(ONE, 500)
        reload(process, on(config, topic="somewhere.other"))
        written = await asking.request(subject="somewhere.other")
        assert {written["gl_path"], *written["fallback_paths"]} == OTHERS
    assert await process.stopped() == 0


async def test_reload_to_another_bus(nats_server, second_nats_server, config, start, reload, client):
    """It moves to the new bus, which has no JetStream, and does not need the old one any more."""
    process = start(config)
    reload(process, on(config, hostname=second_nats_server.hostname, token=second_nats_server.token))
    nats_server.stop()
    async with client(second_nats_server) as asking:
        assert await asking.paths() == set(TARGETS)
    assert process.is_running


async def test_reload_to_a_bus_that_is_away(nats_server, second_nats_server, config, start, reload, client):
    """It does not wait for the new bus, and serves the old one."""
    process = start(config)
    second_nats_server.stop()
    reload(process, on(config, hostname=second_nats_server.hostname), "config not taken")
    async with client(nats_server) as asking:
        assert await asking.paths() == set(TARGETS)


def test_refused_by_the_bus(config, run_service):
    """A wrong token ends it with a clear error that does not show the token."""
    process = run_service("processors.broker", config, env={"NATS_TOKEN": "wrong-token-1234"})
    assert process.wait() == 1
    assert "refuses the token" in process.output
    assert "wrong-token-1234" not in process.output
    assert "Traceback" not in process.output


async def test_replicas(nats_server, config, start, client):
    """Replicas share messages and knowledge. One that dies is not missed, and a new one learns everything."""
    first, second = start(config, "first"), start(config, "second")
    async with client(nats_server) as asking:
        await asking.response(ONE, 503)
        await until_paths(asking, OTHERS)
        assert await asking.paths(100) == OTHERS
        first.kill()
        assert await asking.paths() == OTHERS
        third = start(config, "third")
        second.kill()
        assert await asking.paths() == OTHERS
        assert third.is_running


async def test_one_probe_for_all(nats_server, config, start, client):
    """Of many calls to several replicas, only one probes a half-open target."""
    for alias in ("first", "second", "third"):
        start(config | {"disabled_minutes": 0.01}, alias)
    async with client(nats_server) as asking:
        await asking.response(ONE, 503)
        await until_paths(asking, OTHERS)  # all replicas have learned it
        paths = []
        async with asyncio.timeout(30):
            while ONE not in paths:
                paths += [
                    written["gl_path"] for written in await asyncio.gather(*(asking.request() for _ in range(30)))
                ]
        paths += [(await asking.request())["gl_path"] for _ in range(100)]
    assert paths.count(ONE) == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_the_bus_comes_back(nats_server, config, start, client, end):
    """It reconnects to the bus, and all replicas still know which circuit breakers are open."""
    processes = [start(config, "first"), start(config, "second")]
    async with client(nats_server) as asking:
        await asking.response(ONE, 503)
        await until_paths(asking, OTHERS)
    getattr(nats_server, end)()
    for process in processes:
        await process.logged("lost the bus")
    nats_server.start()
    async with client(nats_server) as asking:
        assert await asking.paths(100) == OTHERS
        await asking.response(TWO, 503)
        await until_paths(asking, {THREE})
    for process in processes:
        assert await process.stopped() == 0
        assert "Traceback" not in process.output


async def test_without_jetstream(plain_nats_server, config, start, client):
    """Without JetStream it works alone, and logs so once."""
    values = on(config, hostname=plain_nats_server.hostname, token=plain_nats_server.token)
    process = start(values)
    async with client(plain_nats_server) as asking:
        await asking.response(ONE, 503)
        assert await asking.paths() == OTHERS
    plain_nats_server.kill()
    await process.logged("lost the bus")
    plain_nats_server.start()
    await process.logged("connected to the bus", 2)
    async with client(plain_nats_server) as asking:
        assert await asking.paths() == OTHERS
    await process.logged("target health is not shared, each replica tracks its own")
    assert process.messages().count("target health is not shared, each replica tracks its own") == 1
