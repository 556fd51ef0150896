"""The token usage of every record, with a real gateway: answers of every size and kind."""

import contextlib
import gzip
import json
from http.client import HTTPException

import pytest

from tests.services.gl.rig.gateway import processor, router

CHAT = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
USAGE = {"source": "provider"} | CHAT
NONE = {"source": "none"}
STREAM = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()
TWISTED = '"usage":{"prompt_tokens":666}},' * 5
JSON = "Content-Type: application/json"
SSE = "Content-Type: text/event-stream"


@pytest.fixture(scope="module")
def counting(run_gateway, shared_upstream):
    """A gateway whose late processor names `usage`, and one that does not; gl writes `token_count` itself."""
    named = processor("named", input_fields_include=["gl_path", "inbound_payload", "usage"], **{"async": True})
    plain = processor("plain", input_fields_include=["gl_path", "inbound_payload"], **{"async": True})
    return run_gateway(
        [router("/v1/", shared_upstream.url), router("/counted/", shared_upstream.url)],
        response={
            "processors": [
                [named | {"routers": ["/v1/"]}, plain | {"routers": ["/v1/"]}],
                [processor("counter", output_fields_write=["token_count"], routers=["/counted/"], timeout=10_000)],
            ],
        },
        usage={"token_count": True},
        log_max_payload_bytes=100_000,
    )


@pytest.fixture(autouse=True)
def scripts(bus):
    for name in ("named", "plain"):
        bus.scripts[f"processor.{name}"] = lambda _: b"{}"
    bus.scripts["processor.counter"] = lambda _: b'{"token_count":{"total_tokens":1}}'


def answers(upstream, body, *lines, status=200):
    def talk(conversation):
        conversation.head(*lines, f"Content-Length: {len(body)}", status=status)
        conversation.send(body)

    upstream.behaviour = talk


def record_of(counting, bus, path="/v1/x", body=b"{}"):
    reply = counting.call("POST", path, {"Content-Type": "application/json"}, body)
    return reply, bus.record(reply.transaction)


def embeddings(size, usage=CHAT):
    """A response of about this many bytes, most of which are numbers."""
    numbers = ",".join(["0.12345678"] * (size // 11))
    return f'{{"object":"list","data":[{numbers}],"text":{json.dumps(TWISTED)},"usage":{json.dumps(usage)}}}'.encode()


SIZES = [1_000, 300_000, 3_000_000, 9_000_000, 12_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_json_of_any_size(counting, upstream, bus, size):
    """A large response has the usage of a small one, and so does what is compressed."""
    body = embeddings(size)
    answers(upstream, body, JSON)
    reply, record = record_of(counting, bus)
    assert reply.body == body
    assert record["usage"] == USAGE
    assert record["response"]["token_count"] == CHAT
    answers(upstream, packed := gzip.compress(body, 1), JSON, "Content-Encoding: gzip")
    reply, record = record_of(counting, bus)
    assert reply.body == packed
    assert record["usage"] == USAGE


@pytest.mark.parametrize("size", SIZES)
def test_stream_with_a_line_of_any_size(counting, upstream, bus, size):
    """The same of a stream, announced as one or not, compressed or not."""
    image = {"type": "image_generation.completed", "b64_json": "A" * size, "usage": CHAT}
    body = f"event: image_generation.completed\ndata: {json.dumps(image)}\n\n".encode()
    for lines in ([SSE], ["Content-Type: text/plain"]):
        answers(upstream, body, *lines)
        assert record_of(counting, bus, body=STREAM)[1]["usage"] == USAGE
    answers(upstream, gzip.compress(body, 1), SSE, "Content-Encoding: gzip")
    assert record_of(counting, bus, body=STREAM)[1]["usage"] == USAGE


@pytest.mark.slow
def test_beyond_what_is_kept(counting, upstream, bus):
    """Of what is larger than any buffer the ends are looked at."""
    answers(upstream, embeddings(40_000_000), JSON)
    assert record_of(counting, bus)[1]["usage"] == USAGE
    chunk = {"choices": [{"index": 0, "delta": {"content": "x" * 50_000}}]}
    body = b"".join(b"data: %b\n\n" % json.dumps(item).encode() for item in [*[chunk] * 700, {"usage": CHAT}])
    answers(upstream, body + b"data: [DONE]\n\n", SSE)
    assert record_of(counting, bus, body=STREAM)[1]["usage"] == USAGE


def test_large_payload_is_left_out_for_who_names_usage(counting, upstream, bus):
    """A processor that names `usage` is asked about a response that does not fit the bus; others are not."""
    answers(upstream, embeddings(9_000_000), JSON)
    _, record = record_of(counting, bus)
    asked = {subject: json.loads(data) for subject, data in bus.messages}
    assert asked == {"processor.named": {"gl_path": "/v1/", "usage": USAGE}}
    assert [error["name"] for error in record["response"]["error"]] == ["inbound_payload", "plain"]
    bus.messages.clear()
    answers(upstream, body := embeddings(1_000), JSON)
    record_of(counting, bus)
    asked = {subject: json.loads(data) for subject, data in bus.messages}
    payload = json.loads(body)
    assert asked["processor.named"] == {"gl_path": "/v1/", "usage": USAGE, "inbound_payload": payload}
    assert asked["processor.plain"] == {"gl_path": "/v1/", "inbound_payload": payload}


def test_answer_as_large_as_the_bus(counting, upstream, bus):
    """A response that fits the bus except the other fields is sent to who names `usage` without it, too."""
    size = 1024 * 1024 - 20  # a little less than the bus of these tests takes
    body = b'{"usage":%b,"x":"%b"}' % (json.dumps(CHAT).encode(), b"x" * 10)
    body = body[:-2] + b"y" * (size - len(body)) + body[-2:]
    answers(upstream, body, JSON)
    _, record = record_of(counting, bus)
    asked = {subject: json.loads(data) for subject, data in bus.messages}
    assert asked == {"processor.named": {"gl_path": "/v1/", "usage": USAGE}}
    assert record["usage"] == USAGE


def test_token_count_of_a_processor_stays(counting, upstream, bus):
    """Where a processor writes `token_count`, gl does not."""
    answers(upstream, embeddings(1_000), JSON)
    _, record = record_of(counting, bus, "/counted/x")
    assert record["response"]["token_count"] == {"total_tokens": 1}
    bus.scripts["processor.counter"] = lambda _: b"{}"
    _, record = record_of(counting, bus, "/counted/x")
    assert "token_count" not in record["response"]
    assert record["usage"] == USAGE


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (200, b'{"id":"x"}', JSON),
        (200, b"plain text", "Content-Type: text/plain"),
        (200, b"", JSON),
        (200, b"\x89PNG" + b'{"usage":{"prompt_tokens":1}}' * 400_000, "Content-Type: image/png"),
        (200, b'data: {"x":1}\n\n', SSE),
        (429, b'{"error":{"message":"slow down"}}', JSON),
        (200, b'[{"usage":{"prompt_tokens":1}}]', JSON),
    ],
)
def test_no_usage(counting, upstream, bus, status, body, line):
    """Every record has the field; `none` says that nothing was told."""
    answers(upstream, body, line, status=status)
    _, record = record_of(counting, bus)
    assert record["usage"] == NONE
    assert "token_count" not in record["response"]


def test_control(run_gateway, shared_upstream, bus):
    """A response that a processor gave in place of the target has used nothing, whatever is written in it."""
    bus.scripts["processor.control"] = lambda _: json.dumps({"control": {"usage": CHAT}}).encode()
    gateway = run_gateway(
        [router("/v1/", shared_upstream.url)],
        request={"processors": [[processor("control", modifier=True, output_fields_write=["control"])]]},
    )
    reply = gateway.call("POST", "/v1/x", {}, b"{}")
    assert json.loads(reply.body) == {"usage": CHAT}
    assert bus.record(reply.transaction)["usage"] == NONE


def test_error_in_a_stream_keeps_what_was_told(counting, upstream, bus):
    """What a target told before it broke off is counted."""

    def talk(conversation):
        conversation.head(SSE, "Transfer-Encoding: chunked")
        start = {"type": "message_start", "message": {"usage": {"input_tokens": 1200, "output_tokens": 1}}}
        conversation.chunk(b"event: message_start\ndata: %b\n\n" % json.dumps(start).encode())
        conversation.reset()

    upstream.behaviour = talk
    with contextlib.suppress(OSError, EOFError, HTTPException):
        counting.call("POST", "/v1/broken", {}, STREAM)
    record = bus.of_path("broken")
    assert record["usage"] == {
        "source": "provider",
        "prompt_tokens": 1200,
        "completion_tokens": 1,
        "total_tokens": 1201,
    }


ASKED = json.dumps({"model": "m", "messages": [{"role": "user", "content": "one two three"}]}).encode()
SAID = {"model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "four five"}}]}


@pytest.fixture(scope="module")
def estimating(run_gateway, shared_upstream):
    return run_gateway([router("/v1/", shared_upstream.url)], usage={"estimate": True})


def test_estimate(estimating, upstream, bus):
    """A successful answer without usage has an estimate, streamed or not, small or large."""
    answers(upstream, json.dumps(SAID).encode(), JSON)
    whole = record_of(estimating, bus, body=ASKED)[1]["usage"]
    assert whole["source"] == "estimated"
    assert 3 <= whole["prompt_tokens"] <= 10
    assert 2 <= whole["completion_tokens"] <= 4
    assert whole["total_tokens"] == whole["prompt_tokens"] + whole["completion_tokens"]
    chunks = [{"model": "m", "choices": [{"index": 0, "delta": {"content": text}}]} for text in ("four ", "five")]
    body = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"
    answers(upstream, body, SSE)
    assert record_of(estimating, bus, body=ASKED)[1]["usage"] == whole
    large = json.dumps(SAID | {"choices": [{"message": {"content": "four five " * 10_000}}]}).encode()
    answers(upstream, large, JSON)
    assert record_of(estimating, bus, body=ASKED)[1]["usage"]["completion_tokens"] >= 20_000


@pytest.mark.parametrize(
    ("status", "more", "source"),
    [
        (200, {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}, "provider"),
        (200, {"usage": CHAT}, "provider"),
        (500, {}, "none"),
        (200, {"choices": []}, "none"),
    ],
)
def test_no_estimate(estimating, upstream, bus, status, more, source):
    """What the provider reports is never replaced, a zero included; errors and answers without text have none."""
    answers(upstream, json.dumps(SAID | more).encode(), JSON, status=status)
    assert record_of(estimating, bus, body=ASKED)[1]["usage"]["source"] == source
