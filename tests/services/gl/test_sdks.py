"""The official SDKs of OpenAI and Anthropic, through the gateway: answers, streams, errors, a client who leaves."""

import json

import anthropic
import openai
import pytest

from tests.services.gl.rig.gateway import router

COMPLETION = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello wörld"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
MESSAGE = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "c",
    "content": [{"type": "text", "text": "Hello wörld"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
MESSAGES = [{"role": "user", "content": "Hi"}]


def chat_events():
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    for text in ("Hel", "lo ", "wörld"):
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        yield f"data: {json.dumps(base | {'choices': [choice]})}\n\n"
    yield f"data: {json.dumps(base | {'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]})}\n\n"
    yield f"data: {json.dumps(base | {'choices': [], 'usage': COMPLETION['usage']})}\n\n"
    yield "data: [DONE]\n\n"


def message_events():
    start = MESSAGE | {"content": [], "stop_reason": None, "usage": {"input_tokens": 3, "output_tokens": 1}}
    yield "message_start", {"message": start}
    yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
    yield "ping", {}
    for text in ("Hel", "lo ", "wörld"):
        yield "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}}
    yield "content_block_stop", {"index": 0}
    yield "message_delta", {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}}
    yield "message_stop", {}


def api(talk):
    """A small API of both makers."""
    asked = json.loads(talk.request.body)
    is_chat = talk.request.target.startswith("/v1/chat/completions")
    if asked["model"] == "busy":
        talk.reply(b'{"error":{"type":"rate_limit_error","message":"slow down"}}', 429, "Retry-After: 0")
    elif not asked.get("stream"):
        talk.reply(json.dumps(COMPLETION if is_chat else MESSAGE).encode())
    else:
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        events = (
            chat_events()
            if is_chat
            else (f"event: {kind}\ndata: {json.dumps({'type': kind} | data)}\n\n" for kind, data in message_events())
        )
        for event in events:
            talk.chunk(event.encode())
        talk.chunk(b"")


@pytest.fixture(scope="module")
def translating(run_gateway, shared_upstream):
    """A gateway that takes the client's key and puts in the provider's."""
    return run_gateway(
        [
            router(
                "/openai/",
                shared_upstream.url,
                required={"Authorization": ["Bearer caller"]},
                headers={"Authorization": ["Bearer provider"]},
            ),
            router(
                "/anthropic/",
                shared_upstream.url,
                required={"X-Api-Key": ["caller"]},
                headers={"X-Api-Key": ["provider"]},
            ),
            router("/usage/", shared_upstream.url, add_stream_usage=True),
        ]
    )


@pytest.fixture
def chat(translating, upstream):
    upstream.behaviour = api
    with openai.OpenAI(
        api_key="caller", base_url=f"http://127.0.0.1:{translating.port}/openai/v1", max_retries=0
    ) as client:
        yield client


@pytest.fixture
def messages(translating, upstream):
    upstream.behaviour = api
    base = f"http://127.0.0.1:{translating.port}/anthropic"
    named = {"X-Api-Key": "caller"}  # versions of the SDK differ in the header that carries the key
    with anthropic.Anthropic(api_key="caller", base_url=base, max_retries=0, default_headers=named) as client:
        yield client


def test_openai(chat, upstream, bus):
    """A chat completion; the target gets the provider's key."""
    raw = chat.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
    assert raw.parse().choices[0].message.content == "Hello wörld"
    assert upstream.asked().values("Authorization") == [b"Bearer provider"]
    assert bus.record(raw.headers["Session-Id"])["response"]["inbound_payload"] == COMPLETION


def test_openai_stream(chat, upstream, bus):
    """A stream, and its record folded into the form of a whole response."""
    with chat.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES, stream=True) as raw:
        transaction = raw.headers["Session-Id"]
        text = "".join(choice.delta.content or "" for chunk in raw.parse() for choice in chunk.choices)
    assert text == "Hello wörld"
    payload = bus.record(transaction)["response"]["inbound_payload"]
    assert payload["choices"][0]["message"]["content"] == "Hello wörld"
    assert payload["usage"]["total_tokens"] == 5


def test_openai_usage_for_the_record_only(translating, upstream, bus):
    """With `add_stream_usage` the target is asked for usage, the record counts it, the client does not see it."""
    upstream.behaviour = api
    base = f"http://127.0.0.1:{translating.port}/usage/v1"
    asked = {"model": "m", "messages": MESSAGES, "stream": True}
    with (
        openai.OpenAI(api_key="caller", base_url=base, max_retries=0) as client,
        client.chat.completions.with_streaming_response.create(**asked) as raw,
    ):
        transaction = raw.headers["Session-Id"]
        chunks = list(raw.parse())
    assert json.loads(upstream.asked().body)["stream_options"] == {"include_usage": True}
    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)
    record = bus.record(transaction)
    assert record["response"]["inbound_payload"]["usage"]["total_tokens"] == 5
    assert "stream_options" not in record["request"]["ingress_payload"]


def test_openai_error(chat):
    """An error of the target is that SDK's error."""
    with pytest.raises(openai.RateLimitError):
        chat.chat.completions.create(model="busy", messages=MESSAGES)


def test_openai_refused(translating):
    """A wrong key is an authentication error."""
    base = f"http://127.0.0.1:{translating.port}/openai/v1"
    with (
        openai.OpenAI(api_key="wrong", base_url=base, max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model="m", messages=MESSAGES)


def test_anthropic(messages, upstream, bus):
    """A message; the target gets the provider's key."""
    raw = messages.messages.with_raw_response.create(model="c", max_tokens=9, messages=MESSAGES)
    assert raw.parse().content[0].text == "Hello wörld"
    assert upstream.asked().values("X-Api-Key") == [b"provider"]
    assert bus.record(raw.headers["Session-Id"])["response"]["inbound_payload"] == MESSAGE


def test_anthropic_stream(messages, upstream, bus):
    """A stream, and its record folded."""
    with messages.messages.stream(model="c", max_tokens=9, messages=MESSAGES) as stream:
        transaction = stream.response.headers["Session-Id"]
        assert stream.get_final_text() == "Hello wörld"
    payload = bus.record(transaction)["response"]["inbound_payload"]
    assert payload["content"][0]["text"] == "Hello wörld"
    assert payload["usage"]["output_tokens"] == 2


def test_anthropic_error(messages):
    """An error of the target is that SDK's error."""
    with pytest.raises(anthropic.RateLimitError):
        messages.messages.create(model="busy", max_tokens=9, messages=MESSAGES)


def test_caller_who_stops_reading(chat, upstream, bus):
    """An SDK that leaves a stream in the middle: the record has what came."""
    with chat.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES, stream=True) as raw:
        transaction = raw.headers["Session-Id"]
        next(iter(raw.parse()))
    assert bus.record(transaction)["response"]["inbound_payload"]
