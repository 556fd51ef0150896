"""The broker with a real gl and three targets, one of which is dead."""

import asyncio
import threading
from collections import Counter

import openai
import pytest

from tests.processors.broker.rig import (
    REFUSAL,
    REQUEST_ENTRY,
    RESPONSE_ENTRY,
    TARGETS,
    THE_ORIGINALS_REQUEST_ENTRY,
    THE_ORIGINALS_RESPONSE_ENTRY,
)
from tests.services.gl.rig.upstream import usual
from tests.support.waiting import until

BODY = b'{"messages": []}'
JSON = {"Content-Type": "application/json"}
DEAD = TARGETS[2]
MANY = 1000
AT_ONCE = 32


def dies(upstreams):
    upstreams[DEAD].behaviour = lambda talk: talk.reply(b'{"error":"dead"}', 503)


def calls(gateway, number):
    """Return the statuses of sequential calls on one connection."""
    with gateway.client() as client:
        return Counter(client.ask("POST", "/a/x", JSON, BODY).reply().status for _ in range(number))


def calls_at_once(gateway, number):
    """Return the statuses of `number` calls in all, on 32 connections."""
    statuses = Counter()

    def one_after_another():
        statuses.update(calls(gateway, number // AT_ONCE))

    threads = [threading.Thread(target=one_after_another) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def tried(upstreams):
    return len(upstreams[DEAD].seen)


@pytest.mark.slow
def test_failover(gateway, start, config, upstreams):
    """Of 1,000 sequential calls none fails. The dead target is tried once, then skipped."""
    start(config)
    dies(upstreams)
    assert calls(gateway(), MANY) == {200: MANY}
    assert tried(upstreams) == 1


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["ours", "the originals"])
def test_no_failover(gateway, start, config, upstreams, whose):
    """Without failover, by our option or with the original's entries in gl's config, exactly one call fails."""
    if whose == "ours":
        config["groups"][0]["failover"] = False
        entries = (REQUEST_ENTRY, RESPONSE_ENTRY)
    else:
        entries = (THE_ORIGINALS_REQUEST_ENTRY, THE_ORIGINALS_RESPONSE_ENTRY)
    start(config)
    dies(upstreams)
    assert calls(gateway(*entries), MANY) == {200: MANY - 1, 503: 1}
    assert tried(upstreams) == 1


@pytest.mark.slow
def test_at_once(gateway, start, config, upstreams):
    """With 32 clients no call fails, and at most 32 try the dead target."""
    start(config)
    dies(upstreams)
    assert calls_at_once(gateway(), MANY + 24) == {200: MANY + 24}
    assert 1 <= tried(upstreams) <= AT_ONCE


@pytest.mark.slow
def test_probed(gateway, start, config, upstreams):
    """A dead target is probed from time to time, by one call each. When it works, it gets its share again."""
    start(config | {"disabled_minutes": 0.01})
    dies(upstreams)
    gate = gateway()

    def goes_on_until(condition):
        statuses = Counter()
        until(lambda: statuses.update(calls(gate, 10)) or condition(), "calls to have done their work")
        assert set(statuses) == {200}

    goes_on_until(lambda: tried(upstreams) == 3)
    upstreams[DEAD].behaviour = usual
    goes_on_until(lambda: tried(upstreams) > 20)


def test_all_out(gateway, start, config, upstreams):
    """If all circuit breakers are open, clients get `Retry-After`. The first call gets the last failure."""
    start(config)
    for path, upstream in upstreams.items():
        upstream.behaviour = lambda talk, path=path: talk.reply(f'"{path}"'.encode(), 503)
    gate = gateway()
    with gate.client() as client:
        first = client.ask("POST", "/a/x", JSON, BODY).reply()
        second = client.ask("POST", "/a/x", JSON, BODY).reply()
    assert (first.status, first.json() in TARGETS) == (503, True)
    assert (second.status, second.json()) == (503, REFUSAL)
    assert 590 <= int(second.value("Retry-After")) <= 600
    assert [len(upstream.seen) for upstream in upstreams.values()] == [1, 1, 1]


def test_what_an_sdk_says(gateway, start, config, upstreams):
    """OpenAI's SDK understands the refusal and shows the reason."""
    start(config)
    for upstream in upstreams.values():
        upstream.behaviour = lambda talk: talk.reply(b"{}", 503)
    gate = gateway()
    gate.call("POST", "/a/x", JSON, BODY)
    with (
        openai.OpenAI(api_key="caller", base_url=f"http://127.0.0.1:{gate.port}/a/v1", max_retries=0) as client,
        pytest.raises(openai.InternalServerError, match="no target is available, try again later") as caught,
    ):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
    assert (caught.value.type, caught.value.code) == ("server_error", "no_target_available")


def test_all_out_with_the_originals_entries(gateway, start, config, upstreams):
    """gl accepts no refusal from those entries: as with the original, the call goes to its own router's upstream."""
    start(config)
    for upstream in upstreams.values():
        upstream.behaviour = lambda talk: talk.reply(b"{}", 500)
    gate = gateway(THE_ORIGINALS_REQUEST_ENTRY, THE_ORIGINALS_RESPONSE_ENTRY)
    assert calls(gate, 5) == {500: 3, 502: 2}  # the upstream of the router `/a/` refuses connections


def test_refused(gateway, start, config, upstreams):
    """A target that refuses connections is detected like one that responds with 503."""
    process = start(config)
    upstreams[DEAD].stop()
    assert calls(gateway(), 100) == {200: 100}
    assert process.wait_for_log("target failed, circuit breaker opened")["router"] == DEAD


@pytest.mark.slow
def test_replicas(gateway, start, config, upstreams):
    """With two replicas no call fails, and the dead target is tried a few times at most.

    If a replica is killed, only the calls that it had can fail.
    """
    first, second = start(config, "first"), start(config, "second")
    dies(upstreams)
    gate = gateway()
    assert calls(gate, 300) == {200: 300}
    assert 1 <= tried(upstreams) <= 5
    before = tried(upstreams)
    first.kill()
    assert calls(gate, 300) == {200: 300}
    assert second.is_running
    assert tried(upstreams) == before


@pytest.mark.slow
async def test_bus_restart(gateway, nats_server, start, config, upstreams):
    """After a restart of the bus the dead target is still skipped."""
    process = start(config)
    dies(upstreams)
    gate = gateway()
    assert await asyncio.to_thread(calls, gate, 50) == {200: 50}
    nats_server.kill()
    await process.logged("lost the bus")
    nats_server.start()
    await process.logged("connected to the bus", 2)
    await asyncio.to_thread(gate.process.wait_for_log, "connected to the bus", 2)
    assert await asyncio.to_thread(calls, gate, 200) == {200: 200}
    assert tried(upstreams) == 1


def test_rate_limited(gateway, start, config, upstreams):
    """If gl fails over from a target, its circuit breaker is open for as long as the target asked."""
    process = start(config)
    upstreams[DEAD].behaviour = lambda talk: talk.reply(b"{}", 429, "Retry-After: 30")
    assert calls(gateway(), 50) == {200: 50}
    told = process.wait_for_log("target failed, circuit breaker opened")
    assert (told["router"], told["reason"]) == (DEAD, "status 429")
    assert 25 < told["seconds"] <= 30
