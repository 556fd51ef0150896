"""The header traceparent: passed as it came, or with a span of gl in between, and the spans that are exported later."""

import asyncio
import itertools
import json

import pytest

from gecholog import trace_context
from gecholog.tls import OutboundTls
from services.nats2log.config import OtlpWriter
from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.otlp import make
from tests.services.gl.rig.bus import says
from tests.services.gl.rig.gateway import processor, router
from tests.support.otlp import attributes, draw, spans_in
from tests.support.target import Answer

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = f"00-{TRACE}-{PARENT}-01"
JSON = {"Content-Type": "application/json"}
MODEL = "gpt-4o-mini"


@pytest.fixture(scope="module")
def serving(run_gateway, shared_upstream):
    url = shared_upstream.url
    provider = {"name": "main", "dialect": "openai", "profile": "openai", "url": f"{url}/v1", "api_key": "k"}
    models = {"models": ["*"], "traceparent": "continue"}
    rows = [[processor("filter", required=True, input_fields_include=["gl_path"])]]
    rows += [[processor("tagger", input_fields_include=["gl_path"])]]
    return run_gateway(
        [
            router("/service/", url),
            router("/continued/", url, traceparent="continue"),
            {"path": "/v1/", "ingress": {"headers": {}}, "outbound": models},
        ],
        providers=[provider | {"models": [MODEL, "down"]}],
        models=[{"name": "pair", "targets": ["main/down", f"main/{MODEL}"]}],
        request={"processors": rows},
    )


@pytest.fixture
def processors(bus):
    bus.scripts["processor.filter"] = bus.scripts["processor.tagger"] = says(tag=1)


def test_passed(serving, upstream, processors):
    """By default the header reaches the upstream as it came, whatever it says."""
    for value in (SENT, "garbage"):
        assert serving.call("GET", "/service/x", {"traceparent": value}).status == 200
        assert upstream.seen[-1].values("traceparent") == [value.encode()]
    serving.call("GET", "/service/x")
    assert upstream.seen[-1].values("traceparent") == []


@pytest.mark.parametrize("value", [SENT, f"00-{TRACE}-{PARENT}-00"])
def test_continued(serving, upstream, processors, value):
    """With `continue`, the upstream's parent is a span of gl in the client's trace, with the client's flags."""
    serving.call("GET", "/continued/x", {"traceparent": value, "tracestate": "a=1"})
    (sent,) = upstream.seen[-1].values("traceparent")
    context = trace_context.parse(sent.decode())
    assert (context.trace_id, context.flags) == (TRACE, trace_context.parse(value).flags)
    assert context.span_id != PARENT
    assert upstream.seen[-1].values("tracestate") == [b"a=1"]


@pytest.mark.parametrize("headers", [{}, {"traceparent": "garbage", "tracestate": "a=1"}])
def test_begun(serving, upstream, processors, headers):
    """A call without a valid trace begins one, to which a `tracestate` of the client does not belong."""
    serving.call("GET", "/continued/x", headers)
    (sent,) = upstream.seen[-1].values("traceparent")
    assert trace_context.parse(sent.decode()) is not None
    assert upstream.seen[-1].values("tracestate") == []


def answer(talk):
    """A provider that is down for one model, and streams for the other."""
    if json.loads(talk.request.body)["model"] == "down":
        talk.reply(b'{"error":{"message":"down"}}', 503)
        return
    talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    for text in ("Hel", "lo"):
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop" if text == "lo" else None}
        event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice]}
        if text == "lo":
            event["usage"] = usage
        talk.chunk(b"data: %b\n\n" % json.dumps(event).encode())
    talk.chunk(b"data: [DONE]\n\n")
    talk.chunk(b"")


async def test_spans_of_a_call(serving, upstream, bus, processors, target):
    """The spans of a failed-over, streamed call with two processors: one tree, from the client to each upstream."""
    upstream.behaviour = answer
    body = {"model": "pair", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    before = len(upstream.seen)
    reply = await asyncio.to_thread(
        serving.call, "POST", "/v1/chat/completions", JSON | {"traceparent": SENT}, json.dumps(body).encode()
    )
    transaction = reply.value("Session-Id")
    await asyncio.to_thread(bus.record, transaction)
    number = next(n for n, record in enumerate(bus.records) if record["transaction_id"] == transaction)
    entry = RecordEntry(bus.raw_records[number], bus.record_ids[number])

    target.usual = Answer(body=b"{}")
    sink = make(OtlpWriter.of({"endpoint": target.url}), OutboundTls())
    await sink.open()
    assert await sink.write([entry]) == []
    await sink.close()

    spans = spans_in(target.requests[0])
    print(f"\n{draw(spans)}")  # noqa: T201 - the picture is what one wants to see, with -s
    call, *others = spans
    assert (call.trace_id.hex(), call.parent_span_id.hex()) == (TRACE, PARENT)
    names = ["processor filter", "processor tagger", "chat down", f"chat {MODEL}"]
    assert [span.name for span in others] == names
    for span in others:
        assert span.parent_span_id == call.span_id
        assert call.start_time_unix_nano <= span.start_time_unix_nano
        assert span.start_time_unix_nano <= span.end_time_unix_nano <= call.end_time_unix_nano
    for one, two in itertools.pairwise(others):  # each began when the one before had ended
        assert one.end_time_unix_nano <= two.start_time_unix_nano
    seen = [trace_context.parse(one.values("traceparent")[0].decode()) for one in upstream.seen[before:]]
    assert [context.span_id for context in seen] == [span.span_id.hex() for span in others[2:]]
    last = attributes(others[-1])
    assert (last["gen_ai.usage.input_tokens"], last["gen_ai.usage.output_tokens"]) == (7, 3)
    assert last["gecholog.stream.completed"] is True
    assert last["gecholog.cost.usd"] > 0
    assert (others[2].status.code, attributes(others[2])["error.type"]) == (2, "503")
