"""Models that providers say they have, with everything real."""

import json

import pytest

from tests.services.gl.rig.upstream import Upstream
from tests.support.waiting import until

CHAT = "/v1/chat/completions"
FAILED = "models of a provider cannot be listed"


@pytest.fixture
def upstream():
    """One for each test: a gateway asks it again and again, whatever the test does."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def run(run_gateway, upstream):
    """Starts a gateway that is ended with the test."""
    running = []

    def start():
        running.append(run_gateway(ROUTERS, **config(upstream)))
        return running[0]

    yield start
    for gateway in running:
        gateway.close()


def config(upstream):
    return {
        "providers": [
            {
                "name": "one",
                "dialect": "openai",
                "url": f"{upstream.url}/v1",
                "api_key": "key-of-one",
                "discover": True,
            },
            {"name": "azure", "dialect": "azure", "url": upstream.url, "api_key": "k", "discover": True},
        ]
    }


ROUTERS = [{"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}}]


def lists(*names):
    """An upstream that has these models."""

    def behaviour(talk):
        entries = [{"id": name} for name in names]
        talk.reply(json.dumps({"data": entries}).encode() if talk.request.method == "GET" else b'{"ok":true}')

    return behaviour


def listed(gateway):
    return [model["id"] for model in gateway.call("GET", "/v1/models").json()["data"]]


def ask(gateway, model):
    return gateway.call("POST", CHAT, {"Content-Type": "application/json"}, json.dumps({"model": model}).encode())


def test_models_come_and_go(run, upstream):
    """What a provider lists can be named; a failure keeps the list; the next list replaces it."""
    upstream.behaviour = lists("new-1", "new-2")
    gateway = run()
    until(lambda: listed(gateway) == ["new-1", "new-2"], "the list")
    seen = upstream.asked()
    assert (seen.method, seen.target, seen.values("authorization")) == ("GET", "/v1/models", [b"Bearer key-of-one"])
    assert gateway.call("GET", "/v1/models/new-1").json()["owned_by"] == "one"
    assert ask(gateway, "new-1").value("x-gecholog-provider") == "one"
    assert ask(gateway, "new-3").status == 404

    upstream.behaviour = lambda talk: talk.reply(b"{}", 500)
    gateway.reload(gateway.values)
    until(lambda: FAILED in gateway.process.messages(), "a warning")
    assert listed(gateway) == ["new-1", "new-2"]
    (line,) = [one for one in gateway.process.entries if one["msg"] == FAILED]
    assert (line["level"], line["provider"], line["reason"], line["kept"]) == ("WARN", "one", "status 500", 2)

    upstream.behaviour = lists("new-2", "new-3")
    gateway.reload(gateway.values)
    until(lambda: listed(gateway) == ["new-2", "new-3"], "the other list")
    off = [one | {"discover": False} for one in gateway.values["providers"]]
    gateway.reload(gateway.values | {"providers": off})
    assert listed(gateway) == []


def test_no_call_waits_for_a_list(run, upstream):
    """Calls are served while a provider does not answer with its list."""

    def behaviour(talk):
        if talk.request.method == "GET":
            talk.left()  # it says nothing
        else:
            talk.reply()

    upstream.behaviour = behaviour
    gateway = run()
    upstream.asked()
    assert ask(gateway, "one/x").status == 200
    assert listed(gateway) == []


def test_a_warning_for_what_has_no_list(run, upstream):
    """Azure lists models that could be deployed, not those that are."""
    upstream.behaviour = lists()
    gateway = run()
    (warned,) = [one for one in gateway.process.entries if one.get("path") == "providers[1].discover"]
    assert "has no effect" in warned["rule"]
