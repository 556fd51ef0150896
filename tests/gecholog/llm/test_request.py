"""Whether a request asks for a stream."""

import pytest

from gecholog.llm import HttpRequest, asks_for_stream

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest(CHAT, "", {}, b'{"messages":[],"stream":true}'),
        HttpRequest(CHAT, "", {}, b' { "stream" : true }'),
        HttpRequest(CHAT, "", {}, b'{"messages":["\\ud83d"],"stream":true}'),
        HttpRequest("/v1beta/models/gemini:streamGenerateContent", "", {}, b"{}"),
        HttpRequest("/v1beta/models/gemini:generateContent", "key=k&alt=sse", {}, b"{}"),
        HttpRequest("/events", "", {"Accept": ["text/event-stream"]}, b""),
        HttpRequest("/mcp", "", {"Accept": ["application/json, text/event-stream"]}, b"{}"),
        HttpRequest("/api/chat", "", {}, b'{"model":"llama"}'),
        HttpRequest("/v1/x", "", {}, b'{"stream":false,"stream":true}'),
        HttpRequest(CHAT, "", {}, b'{"stream":"true"}'),
        HttpRequest(CHAT, "", {}, b'{"stream":1}'),
    ],
)
def test_asked(request_):
    """By the body, by Gemini's path or query, by `Accept`, by Ollama's habit."""
    assert asks_for_stream(request_)


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest(CHAT, "", {}, b'{"messages":[]}'),
        HttpRequest(CHAT, "", {}, b'{"messages":[{"stream":true}]}'),
        HttpRequest(CHAT, "", {}, b'{"stream":"false"}'),
        HttpRequest(CHAT, "", {}, b'{"stream":true'),
        HttpRequest(CHAT, "", {}, b""),
        HttpRequest(CHAT, "", {}, b"[true]"),
        HttpRequest("/api/chat", "", {}, b'{"model":"llama","stream":false}'),
        HttpRequest("/api/chat", "", {}, b""),
        HttpRequest("/x", "alt=sses", {"Accept": ["*/*"]}, b"{}"),
    ],
)
def test_not_asked(request_):
    """Anything else does not."""
    assert not asks_for_stream(request_)
