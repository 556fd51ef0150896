"""How far a cap is overshot: a gateway, two replicas, and many concurrent clients. Everything is real."""

import asyncio
import itertools
import json

import pytest

from gecholog.keyvalue import KeyValue
from processors.tokencounter.replication import BUCKET
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.support.target import Answer
from tests.support.waiting import DEADLINE

CALLERS = 100
LARGEST = 10  # tokens per call
CAP = 3000
CALL = 0.5  # seconds: longer than replication takes, like any call to an LLM
USAGE = json.dumps({"choices": [], "usage": {"total_tokens": LARGEST}}).encode()


def entry(**more):
    return {"name": "token_counter", "service_bus_topic": "coburn.gl.tokencounter", "timeout": 20_000} | more


def processors(*, asynchronous):
    """Return the token counter's entries in gl's config, with the test's own status for refusals."""
    request = entry(
        input_fields_include=["gl_path", "ingress_method"],
        output_fields_write=["control", "control_status_code", "control_headers"],
    )
    response = entry(
        input_fields_include=["gl_path", "inbound_payload"],
        output_fields_write=["token_count"],
        **{"async": asynchronous},
    )
    return {"request": {"processors": [[request]]}, "response": {"processors": [[response]]}}


@pytest.fixture
async def gateway(tmp_path, nats_server, target):
    """Start a gateway with an upstream whose responses use tokens."""
    started = []

    async def start(*, asynchronous):
        routers = [router("/capped/", target.url)]
        values = config_of(nats_server.hostname, routers, **processors(asynchronous=asynchronous))
        one = Gateway(tmp_path / "gl", nats_server, values)
        started.append(one)
        return await asyncio.to_thread(one.ready)

    yield start
    for one in started:
        one.close()


async def until_refused(port, status):
    """Call repeatedly on one connection. Return the number of calls that were not refused, and the refusal's head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for made in itertools.count():
            writer.write(b"POST /capped/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            if head.startswith(b"HTTP/1.1 %d " % status):
                return made, head
            assert head.startswith(b"HTTP/1.1 200 "), head
    finally:
        writer.close()


async def counted(client, server):
    """Return what all replicas have counted, by their keys."""
    usages = []

    async def on_entry(entry):
        if "/capped/" in entry.key:
            usages.append(json.loads(entry.value))

    async with client(server) as asking:
        watch = await KeyValue(asking.bus, BUCKET).watch(on_entry)
        await watch.caught_up()
        await watch.close()
    return sum(used["total"] for replica_usage in usages for _, used in replica_usage["uses"])


@pytest.mark.parametrize(("asynchronous", "calls_of_a_caller"), [(False, 2), (True, 3)])
async def test_bounded(nats_server, config, start, client, target, gateway, asynchronous, calls_of_a_caller):
    """Overshoot is at most two calls per client, or three if gl counts after the response. Then all are refused."""
    config["token_caps"][0]["fields"][0]["value"] = CAP
    config["cap_status_code"] = 429
    for name in ("first", "second"):
        await asyncio.to_thread(start, config, name)
    target.usual = Answer(body=USAGE, delay=CALL)
    one = await gateway(asynchronous=asynchronous)
    results = await asyncio.gather(*(until_refused(one.port, 429) for _ in range(CALLERS)))
    used = len(target.requests) * LARGEST
    assert sum(made for made, _ in results) * LARGEST == used
    assert CAP <= used <= CAP + calls_of_a_caller * CALLERS * LARGEST
    assert all(b"retry-after: " in head.lower() and b"x-should-retry: false" in head.lower() for _, head in results)
    async with asyncio.timeout(DEADLINE):
        while await counted(client, nats_server) != used:
            pass
