"""Secrets: what clients, targets, the config and the environment hold never turns up where it has no business."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.services.gl.rig.bus import says
from tests.services.gl.rig.gateway import Gateway, config_of, processor, router
from tests.support import forking
from tests.support.process import environment_of

CANARY = "CaNaRy"
MASKED = ["Authorization", "Api-Key", "X-Api-Key", "Cookie", "Set-Cookie"]
ENVIRON = {
    "NATS_TOKEN": f"{CANARY}-token",
    "PROVIDER_KEY": f"{CANARY}-provider",
    "CALLER_KEY": f"{CANARY}-caller",
    "UNUSED_KEY": f"{CANARY}-unused",
    "HTTPS_PROXY": f"http://user:{CANARY}-proxy@127.0.0.1:1",
}


@pytest.fixture(scope="module")
def guarded(run_gateway, shared_upstream, bus_server):
    """A gateway whose config and environment are full of secrets."""
    rows = [
        [processor("see", timeout=2000, output_fields_write=["fallback_paths"])],
        [processor("see_late", **{"async": True})],
    ]
    return run_gateway(
        [
            router("/service/", shared_upstream.url, headers={"Api-Key": ["${PROVIDER_KEY}"]}),
            router("/locked/", shared_upstream.url, required={"Authorization": ["${CALLER_KEY}"]}),
            router("/echo/", shared_upstream.url, headers={"Api-Key": ["${PROVIDER_KEY}"]}),
            router("/proxied/", "https://target.test:2", headers={"Api-Key": ["${PROVIDER_KEY}"]}),
            router("/refused/", "http://127.0.0.1:1", headers={"Api-Key": ["${PROVIDER_KEY}"]}),
            router("/query/", f"{shared_upstream.url}?key=${{PROVIDER_KEY}}", endpoint="e?token=${PROVIDER_KEY}"),
            router("/refused/query/", "http://127.0.0.1:1?key=${PROVIDER_KEY}"),
        ],
        env={name: value for name, value in ENVIRON.items() if name != "NATS_TOKEN"},
        masked_headers=MASKED,
        masked_query_parameters=["key", "token"],
        log_unauthorized=True,
        request={"processors": rows},
        response={
            "processors": [[processor("see_answer", timeout=2000)], [processor("see_answer_late", **{"async": True})]]
        },
    )


NAMES = ("see", "see_late", "see_answer", "see_answer_late")


@pytest.fixture
def watching(bus):
    for name in NAMES:
        bus.scripts[f"processor.{name}"] = lambda _: b""
    return bus


def keys():
    return {name.lower(): f"{CANARY}-{name}" for name in MASKED}


def check_nothing_leaked(gateway, bus, replies):
    for reply in replies:
        record = bus.record(reply.transaction)
        assert CANARY not in json.dumps(record)
    assert not [data for _, data in bus.messages if CANARY.encode() in data]
    assert CANARY not in gateway.process.output
    files = [path for path in gateway.process.home.rglob("*") if path.is_file()]
    assert files, "the journal, at least"
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]


def test_keys_of_a_call(guarded, upstream, watching):
    """Keys in every masked header, both ways, and of the router: the target gets them, nobody else."""
    upstream.behaviour = lambda talk: talk.reply(
        b"{}", 200, *(f"{name}: {CANARY}-answer" for name in MASKED), f"Set-Cookie: b={CANARY}"
    )
    reply = guarded.call("POST", "/service/x", keys(), b"{}")
    seen = upstream.asked()
    assert seen.values("Api-Key") == [ENVIRON["PROVIDER_KEY"].encode()]
    assert seen.values("Authorization") == [f"{CANARY}-Authorization".encode()]
    assert reply.values("Set-Cookie") == [f"{CANARY}-answer", f"b={CANARY}"]
    for name in NAMES:
        watching.message_on(f"processor.{name}")
    check_nothing_leaked(guarded, watching, [reply])


@pytest.mark.parametrize("path", ["/query/x", "/refused/query/x", "/service/x"])
@pytest.mark.parametrize("query", ["", f"?key={CANARY}-caller&q=1", f"?%74oken={CANARY}+x&key=%20{CANARY}&token"])
def test_keys_in_queries(guarded, upstream, watching, path, query):
    """Masked parameters, the client's and the router's: the target gets them, nobody else."""
    reply = guarded.call("GET", path + query)
    if path == "/query/x":
        parameters = upstream.asked().target.split("?")[1].split("&")
        assert f"key={CANARY}-provider" in parameters
        assert f"token={CANARY}-provider" in parameters
    elif path == "/service/x":
        assert upstream.asked().target == "/x" + query
    watching.message_on("processor.see")
    watching.message_on("processor.see_answer")
    check_nothing_leaked(guarded, watching, [reply])


def test_keys_in_queries_that_are_tried_in_turn(guarded, upstream, watching):
    """The same when a call goes from one router to the next."""
    watching.scripts["processor.see"] = says(fallback_paths=["/query/", "/service/"])
    upstream.behaviour = lambda talk: talk.reply(b"{}", 503)
    reply = guarded.call("POST", f"/refused/query/x?key={CANARY}-caller", {}, b"{}")
    assert [attempt["gl_path"] for attempt in watching.record(reply.transaction)["request"]["attempts"]] == [
        "/refused/query/",
        "/query/",
        "/service/",
    ]
    assert upstream.asked(2).target == f"/x?key={CANARY}-caller"
    check_nothing_leaked(guarded, watching, [reply])


def test_a_processor_cannot_get_at_keys(guarded, upstream, watching):
    """A processor that writes headers sees masks only, and the real values go out nevertheless."""
    reply = guarded.call("POST", "/service/x", keys() | {"Connection": "Api-Key, Authorization"}, b"{}")
    check_nothing_leaked(guarded, watching, [reply])


@pytest.mark.parametrize("path", ["/service/x", "/refused/x", "/proxied/x", "/locked/x", "/echo/x"])
def test_failures(guarded, upstream, watching, path):
    """Refusals and failures of every sort tell nothing either."""
    upstream.behaviour = lambda talk: talk.reset()
    reply = guarded.call("POST", path, keys(), b"{}")
    if not path.startswith("/echo"):
        assert reply.status >= 400
        assert CANARY.encode() not in reply.body
        assert not [value for _, value in reply.lines if CANARY.encode() in value]
    check_nothing_leaked(guarded, watching, [reply])


def test_keys_in_odd_places(guarded, upstream, watching):
    """Malformed requests with keys in them are neither quoted nor logged."""
    for raw in (
        b"GET /service/x HTTP/1.1\r\nHost: g\r\nAuthorization : CaNaRy-1\r\n\r\n",
        b"GET /service/x HTTP/1.1\r\nHost: g\r\nAuthorization: CaNaRy\x01\r\n\r\n",
        b"GET /service/CaNaRy\x01 HTTP/1.1\r\n\r\n",
        b"CaNaRy / HTTP/1.1\r\n\r\n",
        b"GET /CaNaRy HTTP/1.1\r\nHost: g\r\n\r\n",
        b"GET /service/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: CaNaRy\r\n\r\n",
        b"GET /service/x HTTP/1.1\r\nHost: g\r\nExpect: CaNaRy\r\n\r\n",
    ):
        with guarded.client() as client:
            reply = client.send(raw).reply()
        assert reply.status >= 400
        assert CANARY.encode() not in reply.body + b"".join(value for _, value in reply.lines)
    assert CANARY not in guarded.process.output


def test_answer_that_is_no_http(guarded, upstream, watching):
    """What a broken target says is not quoted."""
    upstream.behaviour = lambda talk: talk.send(b"CaNaRy rubbish\r\nSet-Cookie: CaNaRy\r\n\r\n")
    reply = guarded.call("POST", "/service/x", {}, b"{}")
    assert reply.status == 502
    assert CANARY.encode() not in reply.body
    check_nothing_leaked(guarded, watching, [reply])


def test_isalive_tells_nothing(guarded, upstream, watching):
    """The is-alive answer neither."""
    assert CANARY not in json.dumps(watching.ask("coburn.gl.isalive"))


def test_journal(tmp_path, bus_server, shared_upstream, upstream):
    """What is kept on disk for a crash has masks as well, and is for its owner alone."""
    late = processor("never_answers", **{"async": True, "timeout": 60_000})
    values = config_of(
        bus_server.hostname,
        [router("/service/", shared_upstream.url)],
        masked_headers=MASKED,
        request={"processors": [[late]]},
    )
    gateway = Gateway(tmp_path, bus_server, values).ready()
    try:
        assert gateway.call("POST", "/service/x", keys(), b'{"in":"journal"}').status == 200
    finally:
        gateway.close()
    files = [file for file in (tmp_path / "app" / "journal").rglob("*") if file.is_file()]
    kept = b"".join(file.read_bytes() for file in files)
    assert b'"journal"' in kept
    assert CANARY.encode() not in kept
    assert not [file for file in files if file.stat().st_mode & 0o077]


# -------------------------------------------------------------------- config


def validated(values, environ, *arguments):
    """Output of `--validate`, its code, on standard input."""
    text = values if isinstance(values, str) else json.dumps(values)
    done = subprocess.run(
        [forking.PYTHON, "-m", "services.gl", "--validate", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment_of(Path("/nonexistent"), environ),
    )
    return done.returncode, done.stdout + done.stderr


def secret_config(**more):
    routers = [
        router(
            "/a/",
            "http://target",
            headers={"Api-Key": ["${PROVIDER_KEY}"]},
        ),
        router("/b/", "http://t", required={"Api-Key": ["${CALLER_KEY}"]}),
    ]
    return config_of("localhost:4222", routers, **more)


def test_validate_a_good_config():
    """`--validate` of a good file says so, and nothing more."""
    code, output = validated(secret_config(), ENVIRON)
    assert code == 0
    assert CANARY not in output


WRONG_VALUES = {
    "gateway_id": "$PROVIDER_KEY",
    "session_id_header": "$PROVIDER_KEY x",
    "masked_headers": ["$PROVIDER_KEY x", "$PROVIDER_KEY x"],
    "log_level": "$PROVIDER_KEY",
    "routers": [
        router("$CALLER_KEY", "$CALLER_KEY", headers={"$CALLER_KEY x": ["$CALLER_KEY\u00e9"]}),
        router("/a/", "http://t", endpoint="$CALLER_KEY "),
    ],
    "service_bus": {"hostname": "$NATS_TOKEN", "topic": "$NATS_TOKEN", "token": "$NATS_TOKEN x"},
    "tls": {
        "ingress": {"enabled": True, "certificate_file": "$CALLER_KEY"},
        "outbound": {"cert_files": ["$CALLER_KEY"]},
    },
    "trusted_proxies": ["$PROVIDER_KEY"],
}
WRONG_TYPES = dict.fromkeys(["gl_port", "limits", "routers", "masked_headers", "service_bus"], "$PROVIDER_KEY")


@pytest.mark.parametrize("wrong", [WRONG_VALUES, WRONG_TYPES], ids=["values", "types"])
def test_validate_a_bad_config(wrong):
    """What is wrong is named by path, rule and variable, never by value."""
    code, output = validated(secret_config() | wrong, ENVIRON)
    assert code == 1
    assert [name for name in wrong if name not in output] == []
    assert CANARY not in output


@pytest.mark.parametrize(
    "text",
    [
        '{"gl_port": ${PROVIDER_KEY}}',
        '{"a": "${PROVIDER_KEY}"',
        '["${PROVIDER_KEY}"]',
        '{"a": "${PROVIDER_KEY}" "b"}',
        "$PROVIDER_KEY",
        '"$PROVIDER_KEY"',
    ],
)
def test_validate_what_is_no_config(text):
    """Text that is no JSON, or no object, is not quoted after filling."""
    code, output = validated(text, ENVIRON)
    assert code == 1
    assert output
    assert CANARY not in output


def test_broken_proxy_variable(tmp_path, bus_server, shared_upstream):
    """A proxy's address with a password that breaks it ends the start; the password is not named."""
    values = config_of(bus_server.hostname, [router("/a/", shared_upstream.url)])
    gateway = Gateway(tmp_path, bus_server, values, {"HTTPS_PROXY": f"http://user:{CANARY}/x@127.0.0.1:1"})
    try:
        assert gateway.process.wait() == 1
        assert "HTTPS_PROXY" in gateway.process.output
        assert CANARY not in gateway.process.output
    finally:
        gateway.close()


def test_restart_with_a_wrong_config(guarded, upstream, watching):
    """A reload of a wrong file logs what is wrong with it, and no value."""
    guarded.reload(
        guarded.values | {"gateway_id": "${PROVIDER_KEY}", "session_id_header": "${CALLER_KEY} x"}, taken=False
    )
    assert CANARY not in guarded.process.output
    assert guarded.call("POST", "/service/x", keys(), b"{}").status == 200


def test_wrong_token(tmp_path, bus_server, shared_upstream):
    """A token that the bus refuses ends the start with code 1, and is not named."""
    values = config_of(bus_server.hostname, [router("/a/", shared_upstream.url)])
    gateway = Gateway(tmp_path, bus_server, values, {"NATS_TOKEN": f"{CANARY}-wrong"})
    try:
        assert gateway.process.wait() == 1
        assert "token" in gateway.process.output
        assert CANARY not in gateway.process.output
    finally:
        gateway.close()


@pytest.fixture(scope="module")
def selling(run_gateway, shared_upstream):
    """A gateway of models whose providers have keys of every kind."""
    key = {"api_key": f"{CANARY}-key", "headers": {"X-Extra": [f"{CANARY}-extra"]}}
    providers = [
        {"name": "plain", "dialect": "openai", "url": f"{shared_upstream.url}/v1", "models": ["m"]} | key,
        {"name": "other", "dialect": "anthropic", "url": shared_upstream.url, "models": ["c"]} | key,
        {"name": "gone", "dialect": "gemini", "url": "http://127.0.0.1:1", "models": ["g"]} | key,
    ]
    routers = [{"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}}]
    return run_gateway(routers, providers=providers, masked_headers=MASKED, errors="openai")


@pytest.mark.parametrize("status", [200, 401, 503])
@pytest.mark.parametrize("model", ["plain/m", "other/c", "gone/g", "nobody/x"])
def test_keys_of_providers(selling, upstream, bus, model, status):
    """The provider gets its key, and nobody else does, whatever becomes of the call."""
    upstream.behaviour = lambda talk: talk.reply(b'{"error":{"message":"no"}}', status)
    asked = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}]}).encode()
    reply = selling.call("POST", "/v1/chat/completions", keys() | {"Content-Type": "application/json"}, asked)
    if model in {"plain/m", "other/c"}:
        assert upstream.asked().values("X-Extra") == [f"{CANARY}-extra".encode()]
        assert f"{CANARY}-key".encode() in upstream.asked().head
        assert f"{CANARY}-Api-Key".encode() not in upstream.asked().head
    assert CANARY.encode() not in reply.body
    assert not [value for _, value in reply.lines if CANARY.encode() in value]
    check_nothing_leaked(selling, bus, [reply])
