"""Calls for providers that speak another dialect than the client, with everything real."""

import gzip
import json

import anthropic
import openai
import pytest

from tests.services.gl.rig.gateway import processor
from tests.services.gl.rig.upstream import Turns
from tests.support.waiting import until

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
JSON = {"Content-Type": "application/json"}
VERSION = {"Anthropic-Version": "2023-06-01", "Anthropic-Beta": "some-beta"}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hello wörld"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 2},
}
COMPLETION = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello wörld"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}}


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


START = event("message_start", message=MESSAGE | {"content": [], "stop_reason": None})
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
PIECES = [
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}) for text in ("Hel", "lo wörld")
]
END = b"".join(
    [
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 2}),
        event("message_stop"),
    ]
)
STREAM = START + BLOCK + b"".join(PIECES) + END


@pytest.fixture(scope="module")
def serving(run_gateway, shared_upstream):
    url = shared_upstream.url
    models = {"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}}
    return run_gateway(
        [models, models | {"path": "/seen/"}],
        providers=[
            {"name": "claude", "dialect": "anthropic", "url": url, "api_key": "key-of-claude"},
            {"name": "kind", "dialect": "anthropic", "url": url, "api_key": "k", "default_system_prompt": "Be kind."},
            {"name": "gpt", "dialect": "openai", "url": f"{url}/v1", "api_key": "key-of-gpt"},
            {"name": "azure", "dialect": "azure", "url": f"{url}/azure", "api_key": "k", "api_version": "2024-10-21"},
            {"name": "gem", "dialect": "gemini", "url": url, "api_key": "key-of-gem"},
            {"name": "llama", "dialect": "ollama", "url": url},
        ],
        models=[
            {"name": "either", "targets": ["claude/a", "gpt/b"]},
            {"name": "other-way", "targets": ["gpt/b", "claude/a"]},
            {"name": "short", "targets": ["claude/a"], "max_output_tokens": 77},
        ],
        response={
            "processors": [
                [processor("shout", modifier=True, routers=["/seen/"], output_fields_write=["egress_payload"])]
            ]
        },
    )


def ask(gateway, model, path=CHAT, headers=None, **more):
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
    return gateway.call("POST", path, JSON | (headers or {}), json.dumps(body).encode())


def answering(upstream, value, status=200, *lines, kind="application/json"):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    upstream.behaviour = lambda talk: talk.reply(data, status, *lines, kind=kind)


def openai_of(gateway):
    return openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key="any", max_retries=0)


def anthropic_of(gateway):
    return anthropic.Anthropic(base_url=f"http://127.0.0.1:{gateway.port}", api_key="any", max_retries=0)


# ------------------------------------------------------------------ whole answers


def test_chat_for_anthropic(serving, upstream, bus):
    """The provider gets its own API, the client its own; the record shows both, and the provider's usage."""
    answering(upstream, MESSAGE, 200, "Anthropic-Ratelimit-Requests-Remaining: 9", "Etag: x")
    reply = ask(serving, "claude/claude-x?beta", f"{CHAT}?beta=true", VERSION, max_tokens=5)
    assert reply.status == 200
    assert reply.json()["choices"][0]["message"]["content"] == "Hello wörld"
    assert reply.json()["usage"]["prompt_tokens"] == 7
    assert reply.value("Content-Type") == "application/json"
    assert reply.value("Anthropic-Ratelimit-Requests-Remaining") == "9"
    assert reply.value("Etag") is None
    seen = upstream.asked()
    assert (seen.method, seen.target) == ("POST", "/v1/messages")
    assert seen.values("x-api-key") == [b"key-of-claude"]
    assert seen.values("anthropic-version") == [b"2023-06-01"]
    assert (seen.values("anthropic-beta"), seen.values("accept-encoding")) == ([], [b"identity"])
    assert json.loads(seen.body)["messages"] == [{"role": "user", "content": "Hi"}]
    record = bus.record(reply.transaction)
    assert record["request"]["ingress_payload"]["model"] == "claude/claude-x?beta"
    assert record["request"]["outbound_payload"] == json.loads(seen.body)
    assert record["response"]["inbound_payload"] == MESSAGE
    assert record["response"]["egress_payload"] == reply.json()
    assert (record["usage"]["prompt_tokens"], record["usage"]["cached_tokens"]) == (7, 4)


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("gpt/m", "/v1/chat/completions"),
        ("azure/m", "/azure/openai/deployments/m/chat/completions?api-version=2024-10-21"),
    ],
)
def test_messages_for_openai(serving, upstream, model, target):
    """Anthropic's headers do not go to other APIs."""
    answering(upstream, COMPLETION)
    reply = ask(serving, model, MESSAGES, VERSION, max_tokens=5)
    assert (reply.status, reply.json()["content"][0]["text"]) == (200, "Hello wörld")
    seen = upstream.asked()
    assert seen.target == target
    assert seen.values("anthropic-version") == seen.values("anthropic-beta") == []


@pytest.mark.parametrize(
    ("model", "stream", "target"),
    [
        ("gem/m", False, "/v1beta/models/m:generateContent"),
        ("gem/m", True, "/v1beta/models/m:streamGenerateContent?alt=sse"),
        ("llama/m:8b", False, "/api/chat"),
    ],
)
def test_paths_of_other_providers(serving, upstream, model, stream, target):
    """Where each API takes chats."""
    ask(serving, model, stream=stream)
    assert upstream.asked().target == target


def test_encoded_answers(serving, upstream):
    """A provider that encodes its response unasked is understood."""
    answering(upstream, gzip.compress(json.dumps(MESSAGE).encode()), 200, "Content-Encoding: gzip")
    reply = ask(serving, "claude/x")
    assert reply.json()["choices"][0]["message"]["content"] == "Hello wörld"
    assert reply.value("Content-Encoding") is None
    answering(upstream, gzip.compress(STREAM), 200, "Content-Encoding: gzip", kind="text/event-stream")
    assert b"[DONE]" in ask(serving, "claude/x", stream=True).body


def test_encoded_and_large_requests(serving, upstream):
    """A request is unpacked, and a large one translated beside the others."""
    answering(upstream, MESSAGE)
    text = "x" * 400_000
    body = json.dumps({"model": "claude/x", "messages": [{"role": "user", "content": text}]}).encode()
    reply = serving.call("POST", CHAT, JSON | {"Content-Encoding": "gzip"}, gzip.compress(body))
    assert reply.status == 200
    seen = upstream.asked()
    assert json.loads(seen.body)["messages"][0]["content"] == text
    assert seen.values("content-encoding") == []


def test_limits_and_prompts_of_the_config(serving, upstream):
    """A model's limit is the one that the provider requires; a provider's prompt is added where there is none."""
    answering(upstream, MESSAGE)
    ask(serving, "short")
    assert json.loads(upstream.asked().body)["max_tokens"] == 77
    ask(serving, "kind/x")
    assert "Be kind." in json.dumps(json.loads(upstream.asked(2).body)["system"])


def test_processors_see_and_change_the_reply(serving, upstream, bus):
    """What the client would get, in its own dialect."""
    answering(upstream, MESSAGE)
    bus.scripts["processor.shout"] = lambda data: json.dumps(
        {"egress_payload": {"was": json.loads(data)["egress_payload"]["object"]}}
    ).encode()
    reply = ask(serving, "claude/x", "/seen/chat/completions")
    assert reply.json() == {"was": "chat.completion"}
    assert bus.record(reply.transaction)["response"]["inbound_payload"] == MESSAGE


# ------------------------------------------------------------------ what cannot be expressed


def test_hints_are_left_out_with_a_notice(serving, upstream, bus):
    """In the record and in a header."""
    answering(upstream, MESSAGE)
    reply = ask(serving, "claude/x", seed=7, logit_bias={"1": 1})
    assert reply.value("x-gecholog-dropped-params") == "seed, logit_bias"
    assert bus.record(reply.transaction)["request"]["unsupported_parameters"] == ["seed", "logit_bias"]


@pytest.mark.parametrize(("path", "model"), [(CHAT, "claude/x"), (MESSAGES, "llama/x")])
def test_what_changes_the_answer_is_refused(serving, upstream, path, model):
    """The field and the provider are named, in the client's dialect, and the provider is not asked."""
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    reply = ask(serving, model, path, max_tokens=5, **({"n": 2} if path == CHAT else {"tools": tools}))
    assert reply.status == 400
    error = reply.json()["error"]
    assert ("n is" if path == CHAT else "tools") in error["message"]
    assert model.partition("/")[0] in error["message"]
    if path == CHAT:
        assert (error["code"], error["param"]) == ("unsupported_parameter", "n")
    assert upstream.seen == []


def test_the_next_candidate_that_can(serving, upstream, bus):
    """A candidate that cannot express a field is left out."""
    answering(upstream, COMPLETION)
    reply = ask(serving, "either", n=2)
    assert (reply.status, reply.value("x-gecholog-provider")) == (200, "gpt")
    assert upstream.asked().target == CHAT
    (attempt,) = bus.record(reply.transaction)["request"]["attempts"]
    assert attempt["provider"] == "gpt"


def test_failover_to_a_candidate_that_cannot(serving, upstream, bus):
    """It is left out, and the client gets what the one before said."""
    answering(upstream, {"error": {"message": "Down."}}, 503)
    reply = ask(serving, "other-way", n=2)
    assert (reply.status, reply.json()["error"]["message"]) == (503, "Down.")
    assert len(upstream.seen) == 1
    (attempt,) = bus.record(reply.transaction)["request"]["attempts"]
    assert attempt["provider"] == "gpt"


def test_invalid_requests(serving, upstream):
    """What is wrong is told with its place."""
    reply = ask(serving, "claude/x", messages=[{"role": "wizard", "content": "Hi"}])
    assert (reply.status, reply.json()["error"]["param"]) == (400, "messages[0].role")
    assert upstream.seen == []


def test_failover_between_dialects(serving, upstream, bus):
    """Each attempt is translated for its own provider."""

    def behaviour(talk):
        if talk.request.target == MESSAGES:
            talk.reply(json.dumps(ERROR).encode(), 529)
        else:
            talk.reply(json.dumps(COMPLETION).encode())

    upstream.behaviour = behaviour
    reply = ask(serving, "either", seed=7)
    assert reply.json()["id"] == "c1"
    assert reply.value("x-gecholog-dropped-params") is None
    attempts = bus.record(reply.transaction)["request"]["attempts"]
    assert [(one["provider"], one["status_code"]) for one in attempts] == [("claude", 529), ("gpt", 200)]


# ------------------------------------------------------------------ errors


def test_errors_of_the_provider(serving, upstream, bus):
    """Its status, its words and when to try again, in the client's dialect."""
    answering(upstream, ERROR, 529, "Retry-After: 7")
    reply = ask(serving, "claude/x")
    assert (reply.status, reply.json()["error"]["message"]) == (529, "Busy.")
    assert reply.value("Retry-After") == "7"
    assert bus.record(reply.transaction)["response"]["inbound_payload"] == ERROR
    answering(upstream, {"error": {"message": "Slow.", "code": "rate"}}, 429)
    reply = ask(serving, "gpt/x", MESSAGES, VERSION, max_tokens=5)
    assert (reply.status, reply.json()["type"], reply.json()["error"]["type"]) == (429, "error", "rate_limit_error")


@pytest.mark.parametrize("page", [b"<html>Welcome</html>", b"[]", b"{}", b""])
def test_answers_that_are_none(serving, upstream, page):
    """A page in place of JSON is a bad gateway."""
    answering(upstream, page, kind="text/html")
    reply = ask(serving, "claude/x")
    assert reply.status == 502
    assert reply.json()["error"]["message"]


# ------------------------------------------------------------------ streams


def test_a_stream(serving, upstream, bus):
    """Each event leaves at once; the record has the provider's answer and the client's, and the usage."""
    turns = Turns()

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        for data in (START + BLOCK, *PIECES, END):
            talk.chunk(data)
            turns.wait()
        talk.chunk(b"")

    upstream.behaviour = behaviour
    body = {"model": "claude/x", "messages": [], "stream": True, "stream_options": {"include_usage": True}}
    with serving.client() as client:
        head = client.ask("POST", CHAT, JSON, json.dumps(body).encode()).head()
        assert head.value("Content-Type") == "text/event-stream"
        for expected in (b'"role":"assistant"', b'"Hel"', "lo wörld".encode()):
            assert expected in client.chunk()
            turns.done()
        turns.done()
        rest = b"".join(iter(client.chunk, b""))
    assert rest.count(b"finish_reason") == 1
    assert b'"prompt_tokens":7' in rest
    assert b"[DONE]" in rest
    record = bus.record(head.transaction)
    assert record["response"]["inbound_payload"]["content"] == MESSAGE["content"]
    assert record["response"]["egress_payload"]["choices"][0]["message"]["content"] == "Hello wörld"
    assert record["response"]["inbound_stream"]["completed"] is True
    assert record["usage"]["completion_tokens"] == 2


def test_an_error_in_place_of_a_stream(serving, upstream):
    """It still has a status."""
    answering(upstream, event("error", error=ERROR["error"]), kind="text/event-stream")
    reply = ask(serving, "claude/x", stream=True)
    assert reply.status >= 500
    assert reply.json()["error"]["message"] == "Busy."


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_an_error_in_the_middle_of_a_stream(serving, upstream, path):
    """It is the last event, in the client's dialect."""
    failing = b'data: {"error":{"message":"Busy.","code":503}}\n\n'
    if path == CHAT:
        answering(upstream, START + BLOCK + PIECES[0] + event("error", error=ERROR["error"]), kind="text/event-stream")
    else:
        first = {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hel"}}]}
        answering(upstream, f"data: {json.dumps(first)}\n\n".encode() + failing, kind="text/event-stream")
    data = ask(serving, "claude/x" if path == CHAT else "gpt/x", path, stream=True, max_tokens=5).body
    last = data.strip().split(b"\n\n")[-1]
    assert b"Hel" in data
    assert b"Busy." in last
    assert last.startswith(b"data: " if path == CHAT else b"event: error\n")


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_stream_that_breaks_off(serving, upstream, bus, path):
    """The client is told in its own dialect; the record has what came."""

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        if path == CHAT:
            talk.chunk(START + BLOCK + PIECES[0])
        else:
            chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hel"}}]}
            talk.chunk(f"data: {json.dumps(chunk)}\n\n".encode())
        talk.close()

    upstream.behaviour = behaviour
    reply = ask(serving, "claude/x" if path == CHAT else "gpt/x", path, stream=True, max_tokens=5)
    last = reply.body.strip().split(b"\n\n")[-1]
    assert b"broke off" in last
    assert last.startswith(b"data: " if path == CHAT else b"event: error\n")
    assert bus.record(reply.transaction)["response"]["inbound_stream"]["completed"] is False


def test_a_whole_answer_where_a_stream_was_asked_for(serving, upstream):
    """The client gets its stream nevertheless."""
    answering(upstream, MESSAGE)
    reply = ask(serving, "claude/x", stream=True)
    assert reply.value("Content-Type") == "text/event-stream"
    assert b"Hello w\xc3\xb6rld" in reply.body
    assert reply.body.endswith(b"data: [DONE]\n\n")


def test_a_client_that_leaves(serving, upstream, bus):
    """The provider is disconnected, and the record says so."""
    left = Turns()

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        talk.chunk(START + BLOCK + PIECES[0])
        if talk.left():
            left.done()

    upstream.behaviour = behaviour
    body = {"model": "claude/x", "messages": [], "stream": True}
    with serving.client() as client:
        head = client.ask("POST", CHAT, JSON, json.dumps(body).encode()).head()
        client.chunk()
    left.wait()
    until(lambda: bus.record(head.transaction)["response"]["inbound_stream"], "the record")


# ------------------------------------------------------------------ counting, and the SDKs


def test_counting_tokens(serving, upstream):
    """Where the provider does not count, the number is an estimate, and says so."""
    body = {"model": "gpt/x", "messages": [{"role": "user", "content": "How many tokens are these words?"}]}
    reply = serving.call("POST", f"{MESSAGES}/count_tokens", JSON | VERSION, json.dumps(body).encode())
    assert reply.status == 200
    assert 5 < reply.json()["input_tokens"] < 30
    assert reply.value("x-gecholog-token-count") == "estimated"
    assert upstream.seen == []


def test_openai_sdk(serving, upstream):
    """A chat with a tool, whole and streamed, at Anthropic's API."""
    used = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {"zone": "UTC"}}
    answering(upstream, MESSAGE | {"content": [used], "stop_reason": "tool_use"})
    client = openai_of(serving)
    tool = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
    first = client.chat.completions.create(model="claude/x", messages=[{"role": "user", "content": "?"}], tools=[tool])
    (call,) = first.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("now", {"zone": "UTC"})
    answering(upstream, STREAM, kind="text/event-stream")
    turns = [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "noon"}]
    stream = client.chat.completions.create(
        model="claude/x", messages=[{"role": "user", "content": "?"}, *turns], tools=[tool], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "Hello wörld"
    result = json.loads(upstream.asked(2).body)["messages"][-1]["content"][0]
    assert (result["type"], result["tool_use_id"]) == ("tool_result", "toolu_1")
    answering(upstream, ERROR, 529)
    with pytest.raises(openai.InternalServerError, match="Busy"):
        client.chat.completions.create(model="claude/x", messages=[])


def test_anthropic_sdk(serving, upstream):
    """Messages, whole and streamed, at OpenAI's API."""
    client = anthropic_of(serving)
    answering(upstream, COMPLETION)
    asked = {"model": "gpt/x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    message = client.messages.create(**asked)
    assert (message.content[0].text, message.usage.input_tokens) == ("Hello wörld", 3)
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": COMPLETION["usage"]},
    ]
    data = "".join(f"data: {json.dumps({'id': 'c', 'model': 'm'} | chunk)}\n\n" for chunk in chunks)
    answering(upstream, data.encode() + b"data: [DONE]\n\n", kind="text/event-stream")
    with client.messages.stream(**asked) as stream:
        assert stream.get_final_text() == "Hello"
        assert stream.get_final_message().usage.output_tokens == 2
    answering(upstream, {"error": {"message": "Slow."}}, 429)
    with pytest.raises(anthropic.RateLimitError, match="Slow"):
        client.messages.create(**asked)
