"""Azure with tokens of Entra ID, from a server over TLS that issues them, as Azure's library requires."""

import json
import time
from urllib.parse import parse_qs

import pytest

from gecholog.tls import ingress_context
from tests.services.gl.rig.upstream import Upstream

CHAT = "/v1/chat/completions"
TENANT = "11111111-2222-3333-4444-555555555555"
SECRET = "secret-of-the-application"
FAILED = "no token of Entra ID for a provider"
ROUTERS = [{"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"], "default_provider": "azure"}}]


class FakeAzure:
    """Issues tokens (RFC 6749, section 4.4), and is the provider that takes the newest one."""

    def __init__(self, talks):
        self.issued = 0
        self.down = False
        self.scopes = set()
        talks.behaviour = self.behave

    def behave(self, talk):
        path = talk.request.target.partition("?")[0]
        if path.endswith("/openid-configuration"):
            talk.reply(b"{}", 404)
        elif path == f"/{TENANT}/oauth2/v2.0/token":
            self._issue(talk, parse_qs(talk.request.body.decode()))
        else:
            token = f"Bearer token-{self.issued}".encode()
            talk.reply(b'{"ok":true}', 200 if talk.request.values("authorization") == [token] else 401)

    def _issue(self, talk, form):
        if self.down:
            talk.reply(b'{"error":"temporarily_unavailable"}', 503)
        elif form["client_secret"] != [SECRET]:
            talk.reply(b'{"error":"invalid_client","error_description":"wrong"}', 401)
        else:
            assert (form["grant_type"], form["client_id"]) == (["client_credentials"], ["the-application"])
            self.scopes |= set(form["scope"])
            self.issued += 1
            token = {"token_type": "Bearer", "expires_in": 3600, "access_token": f"token-{self.issued}"}
            talk.reply(json.dumps(token).encode())


@pytest.fixture
def talks(tls_files):
    made = Upstream(ingress_context(str(tls_files.certificate), str(tls_files.private_key)))
    yield made
    made.stop()


@pytest.fixture
def azure(talks):
    return FakeAzure(talks)


@pytest.fixture
def run(run_gateway, talks, tls_files):
    """Starts a gateway that trusts the fake, and ends it with the test."""
    running = []

    def start(secret=SECRET, **more):
        entra = {"tenant_id": TENANT, "client_id": "the-application", "client_secret": secret, "authority": talks.url}
        azure = {"name": "azure", "dialect": "azure", "url": talks.url, "entra_id": entra, **more}
        inbound = {"enabled": False, "certificate_file": "", "private_key_file": ""}
        outbound = {"insecure": False, "system_cert_pool": False, "cert_files": [str(tls_files.authority)]}
        running.append(run_gateway(ROUTERS, providers=[azure], tls={"ingress": inbound, "outbound": outbound}))
        return running[-1]

    yield start
    for gateway in running:
        gateway.close()


def ask(gateway, path=CHAT):
    return gateway.call("POST", path, {"Content-Type": "application/json", "Authorization": "Bearer mine"}, BODY)


BODY = json.dumps({"model": "azure/gpt"}).encode()


def test_a_token_in_place_of_a_key(run, azure, talks, bus):
    """It is there before the first call, and is no reader's: not of records, not of logs."""
    gateway = run()
    reply = ask(gateway)
    assert reply.status == 200
    assert ask(gateway, "/v1/files").status == 200
    sent = talks.seen[-1]
    assert (sent.values("authorization"), sent.values("api-key")) == ([b"Bearer token-1"], [])
    assert azure.scopes == {"https://cognitiveservices.azure.com/.default"}
    assert "token-1" not in json.dumps(bus.record(reply.transaction)) + "".join(gateway.process.lines)
    gateway.reload(gateway.values)
    assert (ask(gateway).status, azure.issued) == (200, 1)


def test_without_a_token(run, azure):
    """Calls are told why, one line of the log warns, and all is well once there is one."""
    azure.down = True
    gateway = run()
    reply = ask(gateway)
    assert (reply.status, reply.json()["error"]["code"], reply.value("Retry-After")) == (503, "provider_not_ready", "5")
    assert ask(gateway, "/v1/files").status == 503
    azure.down = False
    gateway.reload(gateway.values)
    assert ask(gateway).status == 200
    warned = [one for one in gateway.process.entries if one["msg"] == FAILED]
    assert [(one["level"], one["provider"]) for one in warned] == [("WARN", "azure")]


def test_a_wrong_secret(run, azure, talks):
    """The reason is in the log, the secret is not; the provider is not called."""
    gateway = run("wrong-secret-of-it")
    assert ask(gateway).status == 503
    (warned,) = [one for one in gateway.process.entries if one["msg"] == FAILED]
    assert warned["reason"].startswith("authentication failed")
    assert "wrong-secret-of-it" not in "".join(gateway.process.lines)
    assert not [one for one in talks.seen if "chat" in one.target]


def test_the_identity_of_the_machine(run_gateway, bus):
    """Without an application: as Azure's services offer it to what runs in them."""
    talks = Upstream()

    def behaviour(talk):
        if talk.request.target.startswith("/identity?"):
            assert talk.request.values("x-identity-header") == [b"the-header"]
            token = {"access_token": "token-of-the-machine", "expires_on": str(int(time.time()) + 3600)}
            talk.reply(json.dumps(token | {"resource": "r", "token_type": "Bearer"}).encode())
        else:
            talk.reply()

    talks.behaviour = behaviour
    gateway = run_gateway(
        ROUTERS,
        providers=[{"name": "azure", "dialect": "azure", "url": talks.url, "entra_id": {}}],
        env={"IDENTITY_ENDPOINT": f"{talks.url}/identity", "IDENTITY_HEADER": "the-header"},
    )
    try:
        assert ask(gateway).status == 200
        assert talks.seen[-1].values("authorization") == [b"Bearer token-of-the-machine"]
    finally:
        gateway.close()
        talks.stop()
