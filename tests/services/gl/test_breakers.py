"""Circuit breakers and deadlines with everything real: a killed gateway, a bus that goes away, slow upstreams."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from gecholog.breakerstatus import BreakerStatusFile
from tests.services.gl.rig.failing import FailingUpstream
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.rig.upstream import Turns, Upstream
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.waiting import until

LONG = {"failures": 2, "open_ms": 600_000}


@pytest.fixture
def good():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture
def down():
    upstream = FailingUpstream("500")
    yield upstream
    upstream.stop()


@pytest.fixture
def server(tmp_path):
    room = {"jetstream": {"store_dir": str(tmp_path / "store"), "max_file_store": 2 << 30}}  # beside the record log
    server = NatsServer(tmp_path / "nats", jetstream=True, settings=room)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def start(tmp_path, server, good, down):
    """Start a gateway, again and again in the same home, or another one by its name."""
    routers = [
        router("/one/", down.url, breaker=LONG, fallbacks=["/good/"]),
        router("/two/", down.url, breaker=LONG, fallbacks=["/good/"]),
        router("/good/", good.url),
    ]
    values = config_of(server.hostname, routers)
    running = []

    def begin(name="gl"):
        port = {} if name == "gl" else {"gl_port": free_port()}
        running.append(Gateway(tmp_path / name, server, values | port).ready())
        running[-1].process.wait_for_log("circuit breakers shared with other replicas")
        return running[-1]

    yield begin
    for gateway in running:
        gateway.close()


def shown(gateway):
    return {one.target for one in BreakerStatusFile.of("gl", gateway.file.parent / "app").read()}


def test_killed_gateway(start, down):
    """A new process knows what the one before knew, and asks the target no more than that did."""
    gateway = start()
    for _ in range(2):
        assert gateway.call("GET", "/one/x").json() == {"ok": True}
    until(lambda: shown(gateway) == {"/one/"})
    gateway.process.kill()
    gateway = start()
    until(lambda: shown(gateway) == {"/one/"})
    asked = len(down.seen)
    assert gateway.call("GET", "/one/x").json() == {"ok": True}
    assert len(down.seen) == asked == 2
    gateway.process.stop()
    assert shown(gateway) == set()


def test_no_bus(start, server, down):
    """Circuit breakers work without the bus; what happened meanwhile is shared when it is back."""
    gateway = start()
    server.kill()
    for _ in range(3):
        assert gateway.call("GET", "/two/x").json() == {"ok": True}
    until(lambda: shown(gateway) == {"/two/"})
    assert len(down.seen) == 2
    server.start()
    gateway.process.wait_for_log("connected to the bus", times=2)
    other = start("other")
    until(lambda: shown(other) == {"/two/"})


def test_reload(start, down):
    """A reload keeps the state of targets that are still there, and forgets the others."""
    gateway = start()
    for path in ("/one/", "/two/") * 2:
        assert gateway.call("GET", f"{path}x").json() == {"ok": True}
    until(lambda: shown(gateway) == {"/one/", "/two/"})
    routers = [one for one in gateway.values["routers"] if one["path"] != "/two/"]
    gateway.reload(gateway.values | {"routers": routers})
    until(lambda: shown(gateway) == {"/one/"})
    assert gateway.call("GET", "/one/x").json() == {"ok": True}
    assert len(down.seen) == 4


def _silent(talk):
    talk.left()
    talk.close()


def _stalled(talk):
    """The body stops in its middle."""
    talk.head("Content-Type: text/plain", "Content-Length: 500")
    talk.send(b"the beginning")
    _silent(talk)


@pytest.mark.parametrize("behaviour", [_silent, _stalled])
def test_total_of_all_attempts(run_gateway, upstream, down, behaviour):
    """timeouts.total_ms of the call's router ends the attempt at another one, whose own time-outs are long."""
    upstream.behaviour = behaviour
    gateway = run_gateway(
        [
            router("/first/", down.url, timeouts={"total_ms": 1500}, fallbacks=["/second/"]),
            router("/second/", upstream.url, timeouts={"first_byte_ms": 600_000, "between_chunks_ms": 600_000}),
        ]
    )
    reply = gateway.call("GET", "/first/x")
    assert len(upstream.seen) == 1
    if behaviour is _silent:
        assert reply.status == 504
    else:
        assert (reply.status, reply.body, reply.complete) == (200, b"the beginning", False)


def test_max_connections(run_gateway, upstream, good):
    """A provider gets no more connections than its limit. A call that gets none in time goes to the next provider.

    That is no failure of the provider: its circuit breaker stays closed.
    """
    limited = {"max_connections": 2, "timeouts": {"connect_ms": 300}, "breaker": {"failures": 1, "open_ms": 600_000}}
    provider = {"dialect": "openai", "api_key": "k"}
    gateway = run_gateway(
        [{"path": "/v1/", "outbound": {"models": ["*"]}}],
        providers=[
            provider | limited | {"name": "small", "url": upstream.url},
            provider | {"name": "large", "url": good.url},
        ],
        models=[{"name": "m", "targets": ["small/m", "large/m"]}],
    )
    turns = Turns()

    def behaviour(talk):
        turns.wait()
        talk.reply()

    def call(model):
        return gateway.call("POST", "/v1/chat/completions", {}, json.dumps({"model": model}).encode())

    upstream.behaviour = behaviour
    with ThreadPoolExecutor(4) as pool:
        held = [pool.submit(call, "m") for _ in range(2)]
        until(lambda: len(upstream.seen) == 2)
        assert [call("m").value("X-Gecholog-Provider") for _ in range(3)] == ["large"] * 3
        refused = call("small/m")
        assert (refused.status, refused.json()["error"]["code"]) == (503, "upstream_timeout")
        assert "no free connection within 300 ms" in refused.json()["error"]["message"]
        assert len(upstream.seen) == 2
        for _ in range(2):
            turns.done()
        assert [one.result().value("X-Gecholog-Provider") for one in held] == ["small"] * 2
        turns.done()
        assert call("m").value("X-Gecholog-Provider") == "small"
    assert "circuit breaker opened" not in gateway.process.messages()
