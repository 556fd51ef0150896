"""Payloads that records must not show: found in no record, no file of the gateway, no log line."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from gecholog.keys.entry import KeyEntry
from services.gl.record.privacy import HIDDEN
from services.gl.record.redaction import MASK
from tests.services.gl.rig.bus import says
from tests.services.gl.rig.gateway import Gateway, config_of, processor, router
from tests.support.waiting import until

CANARY = "CaNaRy-4711"
SPLIT = ("CaNa", "Ry-47", "11")  # the canary in the pieces of a stream
JSON = "Content-Type: application/json"
SSE = "Content-Type: text/event-stream"
CHAT = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
USAGE = {"source": "provider"} | CHAT
ASKED = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": f"I am {CANARY}"}]}).encode()
ANSWER = json.dumps(
    {"model": "gpt-4o", "choices": [{"message": {"content": f"You are {CANARY}"}}], "usage": CHAT}
).encode()
PATHS = ("/hidden/", "/masked/")


def routers(url):
    rules = {"/hidden/": {"record_payloads": False}, "/masked/": {"redact": ["CaNaRy-[0-9]+"]}}
    return [
        *(router(path, url, price_provider="openai") | rule for path, rule in rules.items()),
        router("/open/", url, fallbacks=["/hidden/"]),
    ]


@pytest.fixture(scope="module")
def private(run_gateway, shared_upstream):
    row = [processor("see", timeout=2000, routers=["/masked/"])]
    return run_gateway(
        routers(shared_upstream.url),
        request={"processors": [row]},
        log_max_payload_bytes=100_000,
        log_unauthorized=True,
        errors="openai",
    )


def files_of(gateway) -> bytes:
    """All files of the gateway but its config."""
    return b"".join(path.read_bytes() for path in gateway.process.home.rglob("*") if path.is_file())


def check_nothing_leaked(gateway, bus, transaction):
    record = bus.record(transaction)
    assert "CaNa" not in json.dumps(record)
    assert b"CaNa" not in files_of(gateway)
    assert "CaNa" not in gateway.process.output
    return record


def digest(data):
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_hidden(private, upstream, bus):
    """Size and hash of what was sent and received, with usage and cost."""
    upstream.behaviour = lambda talk: talk.reply(ANSWER)
    reply = private.call("POST", "/hidden/x", {"Content-Type": "application/json"}, ASKED)
    assert reply.body == ANSWER
    assert upstream.asked().body == ASKED
    record = check_nothing_leaked(private, bus, reply.transaction)
    assert record["request"]["ingress_payload"] == record["request"]["outbound_payload"] == digest(ASKED)
    assert record["response"]["inbound_payload"] == record["response"]["egress_payload"] == digest(ANSWER)
    assert record["usage"] == USAGE
    assert record["cost"]["usd"] == "0.00019"  # 40 * 2.5 + 9 * 10 USD per million


def test_masked(private, upstream, bus):
    """The rest of the payloads stays as it is, and processors get them whole."""
    upstream.behaviour = lambda talk: talk.reply(ANSWER)
    bus.scripts["processor.see"] = says()
    reply = private.call("POST", "/masked/x", {"Content-Type": "application/json"}, ASKED)
    assert reply.body == ANSWER
    record = check_nothing_leaked(private, bus, reply.transaction)
    for section, name, body in (("request", "ingress_payload", ASKED), ("response", "egress_payload", ANSWER)):
        assert record[section][name] == json.loads(body.decode().replace(CANARY, MASK))
    assert CANARY in json.dumps(bus.message_on("processor.see"))


def stream():
    chunks = [{"model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": text}}]} for text in SPLIT]
    return [b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in [*chunks, {"choices": [], "usage": CHAT}]]


@pytest.mark.parametrize("path", PATHS)
def test_streams(private, upstream, bus, path):
    """A match that is spread over events is found in the folded text."""

    def talk(conversation):
        conversation.head(SSE, "Transfer-Encoding: chunked")
        for piece in [*stream(), b"data: [DONE]\n\n", b""]:
            conversation.chunk(piece)

    upstream.behaviour = talk
    asked = json.dumps({"stream": True} | json.loads(ASKED)).encode()
    reply = private.call("POST", f"{path}x", {"Content-Type": "application/json"}, asked)
    assert b'"CaNa"' in reply.body
    record = check_nothing_leaked(private, bus, reply.transaction)
    assert record["usage"] == USAGE
    if path == "/masked/":
        assert record["response"]["inbound_payload"]["choices"][0]["message"]["content"] == MASK


BODIES = {
    "text": (f"I am {CANARY}".encode(), "Content-Type: text/plain"),
    "text of two pieces": (f"{CANARY} {CANARY}".encode(), "Content-Type: text/plain"),
    "no utf-8": (f"{CANARY}".encode() + b"\xff\x00", "Content-Type: application/octet-stream"),
    "a faulty JSON": (f'{{"a": NaN, "b": "{CANARY}"}}'.encode(), JSON),
    "escaped": (json.dumps({"a": CANARY}).replace("C", "\\u0043").encode(), JSON),
    "a name": (json.dumps({CANARY: 1}).encode(), JSON),
    "JSON in JSON": (json.dumps({"a": json.dumps({"b": CANARY})}).encode(), JSON),
    "large": (json.dumps([CANARY] * 20_000).encode(), JSON),
    "larger than what is read": (json.dumps(["x" * 3_000_000, CANARY]).encode(), JSON),
    "compressed": (gzip.compress(json.dumps({"a": CANARY}).encode()), f"{JSON}\r\nContent-Encoding: gzip"),
    "events of nobody": (b"".join(b'data: {"t":"%b"}\n\n' % text.encode() for text in SPLIT), SSE),
    "an error": (json.dumps({"error": {"message": f"no {CANARY}"}}).encode(), JSON),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", BODIES)
def test_bodies_of_any_kind(private, upstream, bus, name, path):
    """Requests and responses, whatever they are."""
    body, lines = BODIES[name]
    status = 500 if name == "an error" else 200
    upstream.behaviour = lambda talk: (
        talk.head(lines, f"Content-Length: {len(body)}", status=status),
        talk.send(body),
    )
    sent = dict(line.split(": ") for line in lines.split("\r\n"))
    reply = private.call("POST", f"{path}x", sent, body)
    assert reply.status == status
    check_nothing_leaked(private, bus, reply.transaction)


@pytest.mark.parametrize("path", PATHS)
def test_failures(private, upstream, bus, path):
    """A response that breaks off, before and behind its head."""
    upstream.behaviour = lambda talk: talk.reset()
    reply = private.call("POST", f"{path}x", {"Content-Type": "application/json"}, ASKED)
    assert reply.status == 502
    check_nothing_leaked(private, bus, reply.transaction)

    def cut(talk):
        talk.head(JSON, "Content-Length: 1000")
        talk.send(ANSWER[:-1])
        talk.reset()

    upstream.behaviour = cut
    with private.client() as client:
        head = client.ask("POST", f"{path}x", {"Content-Type": "application/json"}, ASKED).head()
    check_nothing_leaked(private, bus, head.transaction)


def test_failover_to_a_router_that_hides(private, upstream, bus):
    """Of all routers that a call goes to the strictest rule counts."""
    answers = [(503, b"{}"), (200, ANSWER)]
    upstream.behaviour = lambda talk: talk.reply(answers[0][1], answers.pop(0)[0])
    reply = private.call("POST", "/open/x", {"Content-Type": "application/json"}, ASKED)
    assert reply.body == ANSWER
    check_nothing_leaked(private, bus, reply.transaction)


@pytest.fixture(scope="module")
def translating(run_gateway, shared_upstream):
    """A gateway of models whose provider speaks another dialect, with the rules of `PATHS`."""
    rules = {"/hidden/": {"record_payloads": False}, "/masked/": {"redact": ["CaNaRy-[0-9]+"]}}
    routers = [{"path": path, "outbound": {"models": ["*"]}} | rule for path, rule in rules.items()]
    providers = [
        {"name": name, "dialect": "anthropic", "url": shared_upstream.url, "api_key": "k"} for name in ("one", "two")
    ]
    models = [{"name": "both", "targets": ["one/c", "two/c"]}]
    return run_gateway(routers, providers=providers, models=models, errors="openai", log_max_payload_bytes=100_000)


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


SAID = {"id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "end_turn"}
SAID |= {"content": [{"type": "text", "text": CANARY}], "usage": {"input_tokens": 3, "output_tokens": 2}}
FAILED = {"type": "error", "error": {"type": "overloaded_error", "message": f"Busy with {CANARY}"}}
BEGUN = event("message_start", message=SAID | {"content": [], "stop_reason": None})
TEXTS = [event("content_block_start", index=0, content_block={"type": "text", "text": ""})] + [
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}) for text in SPLIT
]
END = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}) + event("message_stop")
TRANSLATED = {
    "an answer": (JSON, json.dumps(SAID).encode()),
    "an error with a status of success": (JSON, json.dumps(FAILED).encode()),
    "nothing of the dialect": (JSON, json.dumps({"x": CANARY}).encode()),
    "a stream": (SSE, BEGUN + b"".join(TEXTS) + event("content_block_stop", index=0) + END),
    "a stream that fails at once": (SSE, event(kind="error", error=FAILED["error"])),
    "a stream that fails later": (SSE, BEGUN + b"".join(TEXTS) + event(kind="error", error=FAILED["error"])),
    "a stream without an end": (SSE, BEGUN + b"".join(TEXTS)),
}


# An error whose body is a stream is not folded: a match that is spread over its events is not found in its text.
CALLS = [
    (name, status, path)
    for name, (kind, _) in TRANSLATED.items()
    for status in (200, 400, 503)
    for path in PATHS
    if path == "/hidden/" or kind == JSON or status == 200
]


@pytest.mark.parametrize(("name", "status", "path"), CALLS)
def test_translated_calls(translating, upstream, bus, name, path, status):
    """Both sides of a translation, and what becomes of errors of the provider, with failover and without."""
    kind, body = TRANSLATED[name]
    upstream.behaviour = lambda talk: (
        talk.head(kind, f"Content-Length: {len(body)}", status=status),
        talk.send(body),
    )
    for model in ("one/c", "both"):
        asked = {"model": model, "stream": kind == SSE, "messages": [{"role": "user", "content": CANARY}]}
        sent = json.dumps(asked | {"metadata": {"a": CANARY}}).encode()
        reply = translating.call("POST", f"{path}chat/completions", {"Content-Type": "application/json"}, sent)
        check_nothing_leaked(translating, bus, reply.transaction)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": [{"role": CANARY, "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": CANARY}]}]},
        {"messages": [{"role": "user", "content": "x"}], "tools": [{"type": CANARY}]},
        {"messages": [{"role": "user", "content": "x"}], "reasoning_effort": CANARY},
        {"messages": [{"role": "user", "content": "x"}], "tool_choice": {"type": CANARY}},
        {"messages": CANARY},
    ],
)
def test_requests_that_cannot_be_translated(translating, bus, path, wrong):
    """Their errors name a place, and may quote what stands there."""
    sent = json.dumps({"model": "one/c"} | wrong).encode()
    reply = translating.call("POST", f"{path}chat/completions", {"Content-Type": "application/json"}, sent)
    check_nothing_leaked(translating, bus, reply.transaction)


@pytest.mark.parametrize("path", PATHS)
def test_recovered_records(tmp_path, bus_server, shared_upstream, upstream, bus, path):
    """What is in the journal when gl is killed shows nothing either, and neither does what is made of it."""
    silent = processor("silent", input_fields_include=["gl_path"], timeout=600_000, **{"async": True})
    upstream.behaviour = lambda talk: talk.reply(ANSWER)
    settings = {"response": {"processors": [[silent]]}}
    values = config_of(bus_server.hostname, routers(shared_upstream.url), **settings)
    gateway = Gateway(Path(tmp_path), bus_server, values).ready()
    try:
        reply = gateway.call("POST", f"{path}x", {"Content-Type": "application/json"}, ASKED)
        until(lambda: reply.transaction.encode() in files_of(gateway), "the record in the journal")
        assert b"CaNa" not in files_of(gateway)
        gateway.process.kill()
    finally:
        gateway.close()
    again = Gateway(Path(tmp_path), bus_server, values | {"response": {}}).ready()
    try:
        record = check_nothing_leaked(again, bus, reply.transaction)
    finally:
        again.close()
    assert [error["name"] for error in record["error"]] == ["recovered"]
    assert record["usage"] == USAGE


def test_wrong_patterns_are_refused(private):
    """The router and the place in its list are named."""
    wrong = [private.values["routers"][1] | {"redact": ["x", "(?=x)"]}, private.values["routers"][0]]
    private.reload(private.values | {"routers": wrong}, taken=False)
    assert "routers[0].redact[1]" in private.process.output


def test_rule_of_a_client_key(make_call):
    """A key hides the payloads of its calls on every router."""
    call = make_call()
    assert call.privacy is None
    call.identify(KeyEntry("id", b"hash", record_payloads=False), None)
    assert call.privacy == HIDDEN
    call.identify(KeyEntry("id", b"hash"), None)
    assert call.privacy is None
