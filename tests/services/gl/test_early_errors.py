"""Errors of requests that gl cannot read, or refuses at a limit: in the same form as all others."""

import pytest

from tests.services.gl.rig.gateway import router

CANARY = b"QuoteMeNot"
LIMITS = {
    "request_body_bytes": 1000,
    "request_head_bytes": 2048,
    "request_head_timeout_ms": 600,
    "request_body_timeout_ms": 600,
}
CHAT, MESSAGES = b"/service/v1/chat/completions", b"/service/v1/messages"
LINE = b"POST %b HTTP/1.1\r\nHost: g\r\n"
CASES = {
    "malformed": (LINE + b"X-A: a\0" + CANARY + b"\r\n\r\n", 400, "malformed request"),
    "twice": (LINE + b"Host: " + CANARY + b"\r\n\r\n", 400, "header host more than once"),
    "host": (b"POST %b HTTP/1.1\r\n\r\n", 400, "header host missing"),
    "expect": (LINE + b"Expect: " + CANARY + b"\r\n\r\n", 417, "expectation not supported"),
    "coding": (LINE + b"Transfer-Encoding: gzip\r\n\r\n", 501, "transfer encoding not supported"),
    "trace": (b"TRACE %b HTTP/1.1\r\nHost: g\r\n\r\n", 501, "method TRACE is not supported"),
    "version": (b"POST %b HTTP/2.0\r\nHost: g\r\n\r\n", 505, "HTTP version not supported"),
    "head": (
        LINE + b"X-A: " + b"a" * 4000 + b"\r\n\r\n",
        431,
        "request head larger than 2048 bytes (limits.request_head",
    ),
    "slow head": (LINE, 408, "request head took too long: not complete within 600 ms (limits.request_head_timeout_ms)"),
    "slow body": (
        LINE + b"Content-Length: 9\r\n\r\n",
        408,
        "request body took too long: no data within 600 ms (limits.request_body_timeout_ms)",
    ),
    "body": (
        LINE + b"Content-Length: 1001\r\n\r\n",
        413,
        "request body larger than 1000 bytes (limits.request_body_bytes)",
    ),
}


@pytest.fixture(scope="module")
def strict(run_gateway, shared_upstream):
    """A gateway with small limits whose errors are for SDKs, except those of one router."""
    routers = [router("/service/", shared_upstream.url), router("/plain/", shared_upstream.url) | {"errors": "plain"}]
    return run_gateway(routers, errors="auto", limits=LIMITS)


def told(gateway, raw):
    """The reply to bytes on a connection of their own, which ends."""
    with gateway.client() as client:
        reply = client.send(raw).reply()
        assert client.ended()
    assert reply.complete
    assert reply.value("Content-Type") == "application/json"
    assert CANARY not in reply.body
    return reply


@pytest.mark.parametrize("name", CASES)
def test_openai(strict, name):
    """OpenAI's form, if nothing says that it is Anthropic's API."""
    raw, status, message = CASES[name]
    reply = told(strict, raw.replace(b"%b", CHAT))
    error = reply.json()["error"]
    assert reply.status == status
    assert error["message"].startswith(message)
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("name", CASES)
def test_anthropic(strict, name):
    """Anthropic's form, by the path."""
    raw, status, message = CASES[name]
    reply = told(strict, raw.replace(b"%b", MESSAGES))
    assert reply.status == status
    assert reply.json()["type"] == "error"
    assert reply.json()["error"]["message"].startswith(message)


def test_api_by_a_header(strict):
    """What has come of the headers counts, though the rest is malformed."""
    line = LINE.replace(b"%b", b"/service/x")
    for version, kind in ((b"anthropic-version: 2023-06-01\r\n", "error"), (b"", None)):
        assert told(strict, line + version + b"X-A: 1\r\nno header\r\n\r\n").json().get("type") == kind


def test_router_with_a_format_of_its_own(strict):
    """It is known by the path."""
    for name, text in (("twice", "header host more than once"), ("slow body", "request body took too long")):
        reply = told(strict, CASES[name][0].replace(b"%b", b"/plain/x"))
        assert reply.json() == {"error": text}


@pytest.mark.parametrize("raw", [b"\x16\x03\x01\x02\x00", b"NONSENSE\r\n\r\n", b"GET"])
def test_nothing_is_known(strict, raw):
    """It is told in OpenAI's form, as anything that is not Anthropic's."""
    assert set(told(strict, raw).json()["error"]) == {"message", "type", "param", "code"}


def test_pipelined(strict, upstream):
    """A second request that cannot be read is answered after the first one, in the form of its own API."""
    with strict.client() as client:
        client.send(b"GET /service/x HTTP/1.1\r\nHost: g\r\n\r\n" + CASES["twice"][0].replace(b"%b", MESSAGES))
        assert client.reply().status == 200
        reply = client.reply()
        assert (reply.status, reply.json()["type"]) == (400, "error")


def test_too_many_connections(run_gateway, shared_upstream):
    """The client is told when to come again, and how many may be connected."""
    gateway = run_gateway([router("/service/", shared_upstream.url)], errors="auto", limits={"connections": 1})
    with gateway.client() as first:
        assert first.ask("GET", "/service/x").reply().status == 200
        with gateway.client() as second:
            reply = second.reply()
    assert (reply.status, reply.value("Retry-After")) == (503, "1")
    assert "takes 1 at a time (limits.connections" in reply.json()["error"]["message"]


def test_after_a_reload(run_gateway, shared_upstream):
    """The format in force counts, also on connections that are older than it."""
    gateway = run_gateway([router("/service/", shared_upstream.url)])
    raw = CASES["twice"][0].replace(b"%b", CHAT)
    assert told(gateway, raw).json() == {"error": "header host more than once"}
    with gateway.client() as older:
        assert older.ask("GET", "/service/x").reply().status == 200
        gateway.reload(gateway.values | {"errors": "openai"})
        assert older.send(raw).reply().json()["error"]["message"] == "header host more than once"
    gateway.reload({name: value for name, value in gateway.values.items() if name != "errors"})
    assert told(gateway, raw).json() == {"error": "header host more than once"}


def test_status_that_the_standard_does_not_know(strict, upstream):
    """It passes, and its line has a reason, which the client of these tests checks."""
    upstream.behaviour = lambda talk: talk.reply(b"{}", 529)
    assert strict.call("POST", "/service/v1/messages").status == 529
