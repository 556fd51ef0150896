"""Whether a request asks for a stream."""

import pytest

from gecholog.llm import Asked, asks_for_stream

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    "request_",
    [
        Asked(CHAT, "", {}, b'{"messages":[],"stream":true}'),
        Asked(CHAT, "", {}, b' { "stream" : true }'),
        Asked(CHAT, "", {}, b'{"messages":["\\ud83d"],"stream":true}'),
        Asked("/v1beta/models/gemini:streamGenerateContent", "", {}, b"{}"),
        Asked("/v1beta/models/gemini:generateContent", "key=k&alt=sse", {}, b"{}"),
        Asked("/events", "", {"Accept": ["text/event-stream"]}, b""),
        Asked("/mcp", "", {"Accept": ["application/json, text/event-stream"]}, b"{}"),
        Asked("/api/chat", "", {}, b'{"model":"llama"}'),
        Asked("/v1/x", "", {}, b'{"stream":false,"stream":true}'),
        Asked(CHAT, "", {}, b'{"stream":"true"}'),
        Asked(CHAT, "", {}, b'{"stream":1}'),
    ],
)
def test_asked(request_):
    """By the body, by Gemini's path or query, by `Accept`, by Ollama's habit."""
    assert asks_for_stream(request_)


@pytest.mark.parametrize(
    "request_",
    [
        Asked(CHAT, "", {}, b'{"messages":[]}'),
        Asked(CHAT, "", {}, b'{"messages":[{"stream":true}]}'),
        Asked(CHAT, "", {}, b'{"stream":"false"}'),
        Asked(CHAT, "", {}, b'{"stream":true'),
        Asked(CHAT, "", {}, b""),
        Asked(CHAT, "", {}, b"[true]"),
        Asked("/api/chat", "", {}, b'{"model":"llama","stream":false}'),
        Asked("/api/chat", "", {}, b""),
        Asked("/x", "alt=sses", {"Accept": ["*/*"]}, b"{}"),
    ],
)
def test_not_asked(request_):
    """Anything else does not."""
    assert not asks_for_stream(request_)
