"""A client key in every place where a value can sit is found nowhere afterwards."""

import gzip
import json
from urllib.parse import quote

import pytest

from gecholog.headers import MASK
from gecholog.keys.credential import digest
from gecholog.keys.masking import masked
from services.gl.keys.__main__ import main
from tests.services.gl.rig.bus import Listener
from tests.services.gl.rig.gateway import Gateway, config_of, processor, router
from tests.services.gl.rig.upstream import Upstream
from tests.support.client_keys import ClientKeys
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

RULES = ["off", "optional", "remote", "required"]
PATHS = [
    *(f"/{rule}/v1/chat/completions" for rule in RULES),
    "/v1/chat/completions",
    "/echo/x",
    "/down/x",
    "/no/router",
]
JSON = {"Content-Type": "application/json"}
PLACES = [
    {"Authorization": "Bearer {}"},
    {"Authorization": "{}"},
    {"Authorization": "Basic {}"},
    {"X-Api-Key": "{}"},
    {"Api-Key": "{}"},
    {"X-Goog-Api-Key": "{}"},
    {"Cookie": "a=b; key={}"},
    {"X-Any": "x {} y"},
    {"Session-Id": "{}"},
    {"User-Agent": "{}"},
    {"Referer": "http://page/{}"},
    {"Origin": "http://{}"},
    {"X-Forwarded-For": "{}"},
    {"Content-Type": "application/{}"},
    {"Content-Encoding": "{}"},
    {"Accept": "text/{}"},
    {"Traceparent": "{}"},
    {"Proxy-Authorization": "{}"},
    {"Connection": "{}"},
    {"Expect": "{}"},
    {"{}": "x"},
]
SUFFIXES = ["?key={}", "?api_key={}", "?{}", "?{}=1", "/{}", "/x%2F{}"]


@pytest.fixture(scope="module")
def upstream():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = NatsServer(tmp_path_factory.mktemp("canary"), jetstream=True)
    server.settings = {"jetstream": {"store_dir": str(server.folder / "store"), "max_file_store": 2 << 30}}
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def bus(server):
    listener = Listener(server)
    for name in ("before", "after"):
        listener.scripts[f"processor.{name}"] = lambda _: b""
    yield listener
    listener.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, server, bus, upstream):
    routers = [router(f"/{rule}/", upstream.url) for rule in RULES]
    for one, rule in zip(routers, RULES, strict=True):
        one["ingress"]["keys"] = rule
    routers += [router("/echo/", upstream.url), router("/down/", "http://127.0.0.1:1")]
    routers.append({"path": "/v1/", "ingress": {"keys": "optional"}, "outbound": {"models": ["*"]}})
    values = config_of(
        server.hostname,
        routers,
        providers=[{"name": "one", "dialect": "openai", "url": upstream.url, "api_key": "key-of-one"}],
        masked_headers=[],  # the canary does not depend on them
        log_unauthorized=True,
        request={"processors": [[processor("before")]]},
        response={"processors": [[processor("after")]]},
    )
    gateway = Gateway(tmp_path_factory.mktemp("gl"), server, values).ready()
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def key(gateway, server):
    key = ClientKeys(server).create(name="canary")
    headers = {"X-Api-Key": key.text}
    until(lambda: gateway.call("POST", "/required/x", headers, b"{}").status == 200, "the key")
    return key


def calls(key):
    """Requests with the key in one place each, and in all places at once."""
    body = json.dumps({"model": "one/m", "messages": []}).encode()
    for path in PATHS:
        for place in PLACES:
            yield path, JSON | {name.format(key): value.format(key) for name, value in place.items()}, body
        for suffix in SUFFIXES:
            yield path + suffix.format(key), JSON, body
            yield path + suffix.format(quote(key).replace("-", "%2D")), JSON, body
        yield path, JSON, json.dumps({"model": f"one/{key}", "messages": [{"role": "user", "content": key}]}).encode()
        yield path, JSON, f"text {key}".encode()
        yield path, {"Content-Type": "multipart/form-data; boundary=x"}, f"--x\r\n\r\n{key}\r\n--x--".encode()
        everywhere = {name: value.format(key) for place in PLACES[3:-3] for name, value in place.items()}
        yield f"{path}?key={key}", JSON | everywhere, body


def test_a_client_key_is_found_nowhere(gateway, server, bus, upstream, key, monkeypatch, capsys):
    """Neither at upstreams nor at processors, in replies, records, logs, files, the bus, or what commands print."""
    secret = key.text[-43:].encode()
    for path, headers, body in calls(key.text):
        reply = gateway.call("POST", path, headers, body)
        leaked = secret in reply.body + b"".join(value for _, value in reply.lines)
        assert not leaked, (masked(path), {name: masked(value) for name, value in headers.items()})
    assert len(upstream.seen) > 2 * len(PLACES)
    reply = gateway.call("POST", "/off/last", {"X-Last": "1"}, b"{}")
    bus.record(reply.transaction)
    messages = b"".join(data for _, data in bus.messages)
    records = b"".join(bus.raw_records)
    hashed = digest(key.text)
    assert MASK.encode() in records
    sent = b"".join(seen.head + seen.body for seen in upstream.seen)
    written = gateway.process.output.encode()
    for one in (key.text.encode(), secret, hashed.hex().encode()):
        for shown in (sent, messages, records, written):
            assert one.lower() not in shown.lower()  # names of headers lose their case
    for folder in (gateway.process.home, server.folder):
        for file in folder.rglob("*"):
            assert not file.is_file() or secret not in file.read_bytes(), file
    monkeypatch.setenv("GECHOLOG_HOME", str(gateway.process.home))
    monkeypatch.setenv("NATS_TOKEN", server.token)
    for command in ("list", "export"):
        assert main(["-o", str(gateway.file), command]) == 0
        assert secret not in capsys.readouterr().out.encode()


def test_a_compressed_body_is_masked_in_its_record(gateway, bus, key):
    """It is forwarded as it is."""
    body = gzip.compress(json.dumps({"content": key.text}).encode())
    reply = gateway.call("POST", "/off/x", JSON | {"Content-Encoding": "gzip"}, body)
    record = json.dumps(bus.record(reply.transaction))
    assert key.text[-43:] not in record
    assert MASK in record


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [({"Content-Encoding": "gzip"}, gzip.compress), ({}, lambda body: body.decode().encode("utf-32"))],
    ids=["gzip", "utf-32"],
)
def test_a_body_that_is_decoded_for_its_model(gateway, bus, upstream, key, encoding, encode):
    """It is forwarded in another form than it came, and is masked as well."""
    upstream.reset()
    body = encode(json.dumps({"model": "one/m", "messages": [], "user": key.text}).encode())
    reply = gateway.call("POST", "/v1/chat/completions", JSON | {"X-Api-Key": key.text} | encoding, body)
    record, secret = json.dumps(bus.record(reply.transaction)), key.text[-43:]
    sent = upstream.asked().body
    assert secret.encode() not in sent
    assert json.loads(sent)["user"] == MASK
    assert secret not in record
    assert MASK in record
