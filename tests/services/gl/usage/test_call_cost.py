"""The cost in the records of routers with a url, with a real gateway."""

import json

import pytest

from services.gl.http import UpstreamRequest
from services.gl.usage.call_cost import requested_model
from tests.services.gl.rig.gateway import router

CHAT = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
JSON = "Content-Type: application/json"
SSE = "Content-Type: text/event-stream"
STREAM = json.dumps({"model": "gpt-4o", "stream": True, "messages": []}).encode()


@pytest.fixture(scope="module")
def priced(run_gateway, shared_upstream):
    """A gateway whose router `/openai/` is known to lead to OpenAI; who sells the models of `/other/` is not known."""
    routers = [
        router("/openai/", shared_upstream.url, price_provider="openai"),
        router("/other/", shared_upstream.url),
        router("/first/", shared_upstream.url, price_provider="openai", fallbacks=["/other/"]),
    ]
    return run_gateway(routers)


def answers(upstream, body, *lines):
    def talk(conversation):
        conversation.head(*lines, f"Content-Length: {len(body)}")
        conversation.send(body)

    upstream.behaviour = talk


def record_of(priced, bus, path, body=b"{}"):
    return bus.record(priced.call("POST", path, {"Content-Type": "application/json"}, body).transaction)


@pytest.mark.parametrize(
    ("answered", "requested", "cost"),
    [
        ("gpt-4o", "gpt-4o-mini", "0.0035"),  # 1000 * 2.5 + 100 * 10
        ("", "gpt-4o", "0.0035"),
        ("my-deployment", "gpt-4o", "0.0035"),
        ("my-deployment", "my-model", None),
        ("", "", None),
    ],
)
def test_model(priced, upstream, bus, answered, requested, cost):
    """The model of the answer counts, and that of the request if it is unknown."""
    body = {"usage": CHAT} | ({"model": answered} if answered else {})
    answers(upstream, json.dumps(body).encode(), JSON)
    record = record_of(priced, bus, "/openai/x", json.dumps({"model": requested}).encode())
    assert record.get("cost", {}).get("usd") == cost


def test_who_sells_is_not_guessed(priced, upstream, bus):
    """A known model of an unknown seller has no price."""
    answers(upstream, json.dumps({"model": "gpt-4o", "usage": CHAT}).encode(), JSON)
    record = record_of(priced, bus, "/other/x", b'{"model":"gpt-4o"}')
    assert record["usage"]["total_tokens"] == 1100
    assert "cost" not in record


def test_stream(priced, upstream, bus):
    """A stream costs what the answer in one piece does."""
    chunks = [{"model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "a"}}]}, {"choices": [], "usage": CHAT}]
    body = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"
    answers(upstream, body, SSE)
    assert record_of(priced, bus, "/openai/x", STREAM)["cost"]["usd"] == "0.0035"


def test_client_that_leaves(priced, upstream, bus):
    """What came until the client left costs something."""

    def talk(conversation):
        conversation.head(SSE, "Transfer-Encoding: chunked")
        piece = {"model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "a"}}], "usage": CHAT}
        conversation.chunk(b"data: %b\n\n" % json.dumps(piece).encode())
        conversation.left()

    upstream.behaviour = talk
    with priced.client() as client:
        client.ask("POST", "/openai/left", {"Content-Type": "application/json"}, STREAM).head()
        client.chunk()
        client.leave()
    assert bus.of_path("left")["cost"]["usd"] == "0.0035"


def test_attempt_that_failed(priced, upstream, bus):
    """An error that reports usage costs something, apart from the response."""
    answered = json.dumps({"error": {"message": "cut off"}, "model": "gpt-4o", "usage": CHAT}).encode()
    answers_in_turn = [(503, answered), (200, b"{}")]

    def talk(conversation):
        status, body = answers_in_turn.pop(0)
        conversation.reply(body, status)

    upstream.behaviour = talk
    record = record_of(priced, bus, "/first/x", b'{"model":"gpt-4o"}')
    failed, succeeded = record["request"]["attempts"]
    assert (failed["status_code"], failed["cost"]["usd"]) == (503, "0.0035")
    assert failed["usage"] == {"source": "provider"} | CHAT
    assert "usage" not in succeeded
    assert record["usage"] == {"source": "none"}
    assert "cost" not in record


def test_error_whose_body_does_not_come(priced, upstream, bus):
    """The next attempt does not wait for it."""
    statuses = [503, 200]

    def talk(conversation):
        if (status := statuses.pop(0)) == 200:
            conversation.reply(b"{}", status)
        else:
            conversation.head(JSON, "Content-Length: 100", status=status)
            conversation.left()

    upstream.behaviour = talk
    record = record_of(priced, bus, "/first/x")
    assert [attempt["status_code"] for attempt in record["request"]["attempts"]] == [503, 200]
    assert "usage" not in record["request"]["attempts"][0]


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("/v1/chat/completions", b'{"model":"gpt-4o"}', "gpt-4o"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", b"{}", "gemini-2.5-flash"),
        ("/model/us.anthropic.claude-sonnet-4-5-v1%3A0/converse", b"{}", "us.anthropic.claude-sonnet-4-5-v1:0"),
        ("/openai/deployments/mine/chat/completions", b"{}", "mine"),
        ("/v1/models", b"", ""),
        ("/v1/x", b'{"model":5}', ""),
        ("/v1/x", b"no JSON", ""),
    ],
)
def test_requested_model(path, body, model):
    assert requested_model(UpstreamRequest("POST", None, path, "", {}, body)) == model
