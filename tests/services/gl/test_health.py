"""Health over HTTP, and the log of requests that reach no router."""

import signal
import threading

from tests.services.gl.rig.gateway import router
from tests.support.waiting import DEADLINE, until


def test_health(run_gateway, shared_upstream, bus, upstream):
    """GET and HEAD of /healthz say that gl serves; they need no key or session, and leave no record."""
    gateway = run_gateway([router("/service/", shared_upstream.url)], gateway_id="HEALTHZ1")
    reply = gateway.call("GET", "/healthz?probe=1")
    assert (reply.status, reply.json(), reply.value("Content-Type")) == (200, {"status": "ok"}, "application/json")
    assert reply.values("Session-Id") == []
    head = gateway.call("HEAD", "/healthz")
    assert (head.status, head.value("Content-Length")) == (200, str(len(reply.body)))
    assert gateway.call("POST", "/healthz").status == 404
    assert gateway.call("GET", "/healthz/x").status == 404
    assert gateway.call("GET", "/service/x").status == 200
    recorded = bus.where(lambda record: record["session_id"].startswith("HEALTHZ1_"))
    assert recorded["request"]["gl_path"] == "/service/"
    assert len([record for record in bus.records if record["session_id"].startswith("HEALTHZ1_")]) == 1
    assert len(upstream.seen) == 1


def test_health_beside_a_router_of_all_paths(run_gateway, shared_upstream, upstream):
    """A router of `/` takes what no other takes, but not the health check."""
    gateway = run_gateway([router("/", shared_upstream.url)])
    assert gateway.call("GET", "/healthz").json() == {"status": "ok"}
    assert gateway.call("GET", "/other").json() == {"ok": True}


def test_a_router_of_that_path_wins(run_gateway, shared_upstream, upstream):
    """Who has a router of that name keeps it."""
    gateway = run_gateway([router("/healthz/", shared_upstream.url)])
    assert gateway.call("GET", "/healthz/x").json() == {"ok": True}
    assert gateway.call("GET", "/healthz").status == 400


def test_health_while_it_stops(run_gateway, shared_upstream, upstream):
    """A request that was sent before the end began is told so: whoever sent it should look elsewhere."""
    gateway = run_gateway([router("/service/", shared_upstream.url)], shutdown_timeout_ms=10_000)
    release = threading.Event()

    def behaviour(talk):
        release.wait(DEADLINE)
        talk.reply()

    upstream.behaviour = behaviour
    with gateway.client() as client, gateway.client() as probe:
        client.ask("GET", "/service/x")
        probe.send(b"GET /healthz HTTP/1.1\r\n")
        upstream.asked()
        gateway.process.signal(signal.SIGTERM)
        gateway.process.wait_for_log("stopping")
        until(lambda: not accepts(gateway), "the end of accepting")
        reply = probe.send(b"Host: g\r\n\r\n").reply()
        assert (reply.status, reply.json(), reply.value("Connection")) == (503, {"status": "stopping"}, "close")
        release.set()
        assert client.reply().status == 200


def accepts(gateway):
    try:
        with gateway.client():
            return True
    except OSError:
        return False


def test_requests_without_a_record_are_logged(gateway):
    """The first for a path without a router, or a router without its key, with its status; not each one."""

    def lines(path):
        entries = gateway.process.entries
        return [
            entry for entry in entries if entry["msg"] == "requests refused without a record" and entry["path"] == path
        ]

    for _ in range(20):
        assert gateway.call("GET", "/lost/path?key=secret").status == 404
    assert gateway.call("GET", "/service").status == 400
    assert gateway.call("GET", "/locked/x", {"Api-Key": "secret-of-a-stranger"}).status == 401
    until(lambda: lines("/service") and lines("/locked/"), "the lines")
    assert lines("/locked/")[0]["status"] == 401
    (line,) = lines("/lost/path")
    assert (line["status"], line["requests"], line["level"]) == (404, 1, "WARN")
    assert "secret" not in gateway.process.output


def test_requests_without_a_router_are_counted_at_the_end(run_gateway, shared_upstream):
    """What was counted since is told when gl stops, too."""
    gateway = run_gateway([router("/service/", shared_upstream.url)])
    for _ in range(20):
        gateway.call("GET", "/lost")
    gateway.process.stop()
    counts = [
        entry["requests"] for entry in gateway.process.entries if entry["msg"] == "requests refused without a record"
    ]
    assert counts == [1, 19]
