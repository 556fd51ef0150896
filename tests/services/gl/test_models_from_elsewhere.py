"""Who may use the keys of providers, seen from an address that is no loopback address: a real one of this machine."""

import json

import pytest

from tests.services.gl.rig.http_client import HttpClient
from tests.support.own_address import own_addresses

CHAT = "chat/completions"
FORWARDED = [{}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=127.0.0.1"}]


@pytest.fixture(params=["IPv4", "IPv6"])
def elsewhere(request):
    """An address by which other machines reach this one."""
    found = [address for address in own_addresses() if (":" in address) == (request.param == "IPv6")]
    if not found:
        pytest.skip(f"this machine has no {request.param} address beside loopback")
    return found[0]


def config(upstream):
    def router(path, required=None):
        outbound = {"models": ["*"], "default_provider": "one"}
        return {"path": path, "ingress": {"headers": required or {}}, "outbound": outbound}

    return [router("/v1/"), router("/keyed/", {"X-Key": ["mine"]})], [
        {"name": "one", "dialect": "openai", "url": upstream.url, "api_key": "key-of-one"},
        {"name": "dummy", "dialect": "dummy", "url": upstream.url},
    ]


@pytest.fixture(scope="module")
def closed(run_gateway, shared_upstream):
    routers, providers = config(shared_upstream)
    return run_gateway(routers, providers=providers, gl_host="")


def ask(gateway, address, path="/v1/", model="one/m", headers=None, method="POST"):
    body = json.dumps({"model": model}).encode() if method == "POST" else b""
    with HttpClient(gateway.port, host=address) as client:
        return client.ask(method, path, {"Content-Type": "application/json"} | (headers or {}), body).reply()


@pytest.mark.parametrize("forwarded", FORWARDED)
def test_refused(closed, upstream, elsewhere, forwarded):
    """With and without headers of proxies, for a model and for what the provider keeps."""
    reply = ask(closed, elsewhere, f"/v1/{CHAT}", headers=forwarded)
    assert (reply.status, reply.json()["error"]["code"]) == (403, "clients_not_local")
    assert "GECHOLOG_OPEN_V1=1" in reply.json()["error"]["message"]
    assert ask(closed, elsewhere, "/v1/files", headers=forwarded, method="GET").status == 403
    assert upstream.seen == []


def test_what_needs_no_key_of_the_owner(closed, elsewhere):
    """The dummy and the list of models are for everybody."""
    assert ask(closed, elsewhere, f"/v1/{CHAT}", "dummy/m").status == 200
    assert ask(closed, elsewhere, "/v1/models", method="GET").status == 200


@pytest.mark.parametrize("forwarded", FORWARDED)
def test_a_router_that_requires_a_header(closed, elsewhere, forwarded):
    """Who shows it may use it, from wherever."""
    assert ask(closed, elsewhere, f"/keyed/{CHAT}", headers=forwarded | {"X-Key": "mine"}).status == 200
    assert ask(closed, elsewhere, f"/keyed/{CHAT}", headers=forwarded).status == 401


def test_open_to_everybody(run_gateway, upstream, elsewhere):
    """With the option of its owner."""
    routers, providers = config(upstream)
    gateway = run_gateway(routers, providers=providers, gl_host="", env={"GECHOLOG_OPEN_V1": "1"})
    for forwarded in FORWARDED:
        assert ask(gateway, elsewhere, f"/v1/{CHAT}", headers=forwarded).status == 200
        assert ask(gateway, "127.0.0.1", f"/v1/{CHAT}", headers=forwarded).status == 200


def test_from_this_machine(closed):
    """Over loopback it is open unless a proxy tells of a client behind it."""
    assert [ask(closed, "127.0.0.1", f"/v1/{CHAT}", headers=one).status for one in FORWARDED] == [200, 403, 403, 403]


def test_the_list_has_what_a_client_may_use(run_gateway, upstream, elsewhere):
    """A model of a provider is listed for those who may use its key."""
    routers, providers = config(upstream)
    providers = [one | {"models": [f"of-{one['name']}"]} for one in providers]
    gateway = run_gateway(routers, providers=providers, gl_host="")

    def listed(address, path="/v1/", headers=None):
        reply = ask(gateway, address, f"{path}models", headers=headers, method="GET")
        return [model["id"] for model in reply.json()["data"]]

    assert listed("127.0.0.1") == ["of-one", "of-dummy"]
    assert listed(elsewhere, "/keyed/", {"X-Key": "mine"}) == ["of-one", "of-dummy"]
    assert listed(elsewhere) == ["of-dummy"]
    assert ask(gateway, elsewhere, "/v1/models/of-one", method="GET").status == 404
