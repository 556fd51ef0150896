"""Responses with a status of success that hold no answer: failover while it is possible, else an error of the API."""

import json

import pytest

from tests.services.gl.rig.upstream import Turns

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
JSON = {"Content-Type": "application/json"}
SSE = "text/event-stream"


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def failing(kind):
    return event("error", error={"type": kind, "message": "Busy."})


PING = event("ping")
COMMENT = b": PROCESSING\n\n"
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
BEGINNING = b"".join(
    [
        event("message_start", message=ANSWER | {"content": [], "stop_reason": None}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello"}),
    ]
)
END = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}) + event("message_stop")


@pytest.fixture(scope="module")
def serving(run_gateway, shared_upstream):
    """The providers `one` and `two` speak Anthropic's API, `dead` opens its circuit breaker at the first failure."""
    anthropic = {"dialect": "anthropic", "api_key": "k", "breaker": {"failures": 1000, "ratio": 1.0}}
    url = shared_upstream.url
    return run_gateway(
        [{"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}}],
        providers=[
            {"name": "one", "url": f"{url}/one", **anthropic},
            {"name": "two", "url": f"{url}/two", **anthropic},
            {"name": "dead", "url": f"{url}/one", **anthropic, "breaker": {"failures": 1, "open_ms": 600_000}},
        ],
        models=[
            {"name": "both", "targets": ["one/a", "two/b"]},
            {"name": "dead-first", "targets": ["dead/a", "two/b"]},
        ],
    )


def ask(gateway, model="both", path=CHAT, *, stream=True):
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "stream": stream}
    return gateway.call("POST", path, JSON, json.dumps(body).encode())


def streamed(*pieces, kind=SSE):
    """A whole stream, each piece as a chunk; None breaks the connection."""

    def behaviour(talk):
        talk.head(f"Content-Type: {kind}", "Transfer-Encoding: chunked")
        for piece in (*pieces, b""):
            if piece is None:
                talk.close()
                return
            talk.chunk(piece)

    return behaviour


def whole(body, kind="application/json"):
    return lambda talk: talk.reply(body, kind=kind)


def behaving(upstream, first):
    """The first provider behaves like that; the second one answers."""
    answering = json.dumps(ANSWER).encode()

    def behaviour(talk):
        if talk.request.target.startswith("/one/"):
            first(talk)
        elif b'"stream":true' in talk.request.body.replace(b" ", b""):
            streamed(BEGINNING, END)(talk)
        else:
            talk.reply(answering)

    upstream.behaviour = behaviour


# ------------------------------------------------------------------ failover


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("before", [(), (PING,), (COMMENT, PING)])
def test_an_error_in_place_of_a_stream(serving, upstream, bus, path, before):
    """Its status decides: 529 leads to the next candidate. The client sees nothing of it."""
    behaving(upstream, streamed(*before, failing("overloaded_error")))
    reply = ask(serving, path=path)
    assert (reply.status, reply.value("x-gecholog-provider")) == (200, "two")
    assert b"Hello" in reply.body
    assert b"Busy." not in reply.body
    first, second = bus.record(reply.transaction)["request"]["attempts"]
    assert (first["status_code"], first["error"]) == (200, "status 529 in the response: Busy.")
    assert (second["status_code"], second.get("error")) == (200, None)


def test_an_error_that_no_other_candidate_would_mend(serving, upstream, bus):
    """400 is not in `fail_on`: the client gets it as a status, the record what the provider sent."""
    behaving(upstream, streamed(failing("invalid_request_error")))
    reply = ask(serving)
    assert (reply.status, reply.json()["error"]["message"]) == (400, "Busy.")
    assert len(upstream.seen) == 1
    response = bus.record(reply.transaction)["response"]
    assert (response["inbound_status_code"], response["egress_status_code"]) == (200, 400)
    assert response["inbound_payload"]["error"]["message"] == "Busy."


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "first",
    [
        pytest.param(streamed(b'{"id":', None), id="broken off"),
        pytest.param(streamed(COMMENT, None), id="broken off, without an event"),
        pytest.param(streamed(), id="empty stream"),
        pytest.param(whole(b"<html>Welcome</html>", "text/html"), id="page"),
        pytest.param(whole(b'{"id":'), id="half an answer"),
    ],
)
def test_what_cannot_be_read(serving, upstream, bus, first, stream):
    """Nothing of it has reached the client, so the next candidate is asked."""
    behaving(upstream, first)
    reply = ask(serving, stream=stream)
    assert (reply.status, reply.value("x-gecholog-provider")) == (200, "two")
    assert b"Hello" in reply.body
    attempt = bus.record(reply.transaction)["request"]["attempts"][0]
    assert attempt["error"]


@pytest.mark.parametrize("stream", [True, False])
def test_without_another_candidate(serving, upstream, stream):
    behaving(upstream, streamed(b'{"id":', None))
    reply = ask(serving, "one/a", stream=stream)
    assert reply.status == 502
    assert "broke off after status 200 and 6 bytes" in reply.json()["error"]["message"]


def test_the_circuit_breaker_counts_it(serving, upstream, bus):
    """At the second call the provider is not asked any more."""
    behaving(upstream, streamed(failing("overloaded_error")))
    for number in (1, 2):
        reply = ask(serving, "dead-first")
        assert reply.value("x-gecholog-provider") == "two"
        assert len(bus.record(reply.transaction)["request"]["attempts"]) == 3 - number
    assert [seen.target for seen in upstream.seen] == ["/one/v1/messages", "/two/v1/messages", "/two/v1/messages"]


def test_the_clients_own_api_without_another_candidate(serving, upstream, bus):
    """Its bytes pass as they are."""
    data = PING + failing("overloaded_error")
    behaving(upstream, streamed(data))
    reply = ask(serving, "one/a", MESSAGES)
    assert (reply.status, reply.body) == (200, data)
    assert bus.record(reply.transaction)["response"]["inbound_stream"]["completed"] is False


def test_the_bytes_of_a_stream_stay(serving, upstream):
    """However its first event is cut."""
    data = COMMENT + PING + BEGINNING + END
    for pieces in ([data], [data[:1], data[1:90], data[90:]], [data[at : at + 7] for at in range(0, len(data), 7)]):
        behaving(upstream, streamed(*pieces))
        reply = ask(serving, "one/a", MESSAGES)
        assert (reply.status, reply.body) == (200, data)


# ------------------------------------------------------------------ wrong names


@pytest.mark.parametrize("indent", [None, 1])
def test_an_answer_that_is_called_a_stream(serving, upstream, bus, indent):
    behaving(upstream, whole(json.dumps(ANSWER, indent=indent).encode(), SSE))
    reply = ask(serving, "one/a")
    assert (reply.status, reply.value("Content-Type")) == (200, SSE)
    assert b'"content":"Hello"' in reply.body
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert bus.record(reply.transaction)["usage"]["completion_tokens"] == 2


@pytest.mark.parametrize("stream", [True, False])
def test_a_stream_that_is_called_an_answer(serving, upstream, stream):
    behaving(upstream, streamed(BEGINNING, END, kind="application/json"))
    reply = ask(serving, "one/a", stream=stream)
    assert reply.status == 200
    assert b'"content":"Hello"' in reply.body


def test_a_stream_that_is_called_an_answer_is_not_held_back(serving, upstream):
    turns = Turns()

    def behaviour(talk):
        talk.head("Content-Type: application/json", "Transfer-Encoding: chunked")
        talk.chunk(BEGINNING)
        turns.wait()
        talk.chunk(END)
        talk.chunk(b"")

    upstream.behaviour = behaviour
    with serving.client() as client:
        body = {"model": "one/a", "messages": [], "stream": True}
        client.ask("POST", CHAT, JSON, json.dumps(body).encode()).head()
        assert b"Hello" in client.chunk()
        turns.done()
        assert b"[DONE]" in b"".join(iter(client.chunk, b""))


# ------------------------------------------------------------------ silence


@pytest.mark.parametrize("sent", [b"", COMMENT, PING])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_the_head_does_not_wait_for_a_slow_model(serving, upstream, path, sent):
    """It leaves before the first event, and what keeps the connection alive goes on. A later error is an event."""
    turns = Turns()

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        if sent:
            talk.chunk(sent)
        turns.wait()
        if sent:
            talk.chunk(sent)
            turns.wait()
        talk.chunk(failing("overloaded_error"))
        talk.chunk(b"")

    upstream.behaviour = behaviour
    expected = b": keep-alive\n\n" if path == CHAT else sent
    with serving.client() as client:
        body = {"model": "both", "messages": [], "max_tokens": 5, "stream": True}
        head = client.ask("POST", path, JSON, json.dumps(body).encode()).head()
        assert (head.status, head.value("x-gecholog-provider")) == (200, "one")
        turns.done()
        for _ in range(2 if sent else 0):
            assert client.chunk() == expected
        turns.done()
        assert b"Busy." in b"".join(iter(client.chunk, b""))
    assert len(upstream.seen) == 1


# ------------------------------------------------------------------ streams without their end


@pytest.mark.parametrize("model", ["one/a", "both"])
def test_a_stream_without_its_end(serving, upstream, bus, model):
    """The body is complete, the answer is not: the client gets an error event, and the record says so."""
    behaving(upstream, streamed(BEGINNING))
    reply = ask(serving, model)
    assert (reply.status, reply.value("x-gecholog-provider")) == (200, "one")
    last = json.loads(reply.body.strip().split(b"\n\n")[-1].removeprefix(b"data: "))
    assert (last["error"]["type"], last["error"]["code"]) == ("api_error", "upstream_error")
    response = bus.record(reply.transaction)["response"]
    assert response["inbound_stream"]["completed"] is False
    notes = {note["details"] for note in response["error"] if note["name"] == "inbound_stream"}
    assert "the stream of the provider ended before the answer was complete" in notes


def test_an_event_that_is_too_large(serving, upstream, bus):
    """It is not left out silently: an error event ends the stream, and the record says why."""
    behaving(upstream, streamed(BEGINNING, b'data: {"type":"x","x":"', *[b" " * 1024**2] * 33, b'"}\n\n', END))
    reply = ask(serving, "one/a")
    last = json.loads(reply.body.strip().split(b"\n\n")[-1].removeprefix(b"data: "))
    assert "more than 33554432 bytes" in last["error"]["message"]
    response = bus.record(reply.transaction)["response"]
    assert response["inbound_stream"]["completed"] is False
    assert any(
        "more than 33554432 bytes" in note["details"] for note in response["error"] if note["name"] == "inbound_stream"
    )
