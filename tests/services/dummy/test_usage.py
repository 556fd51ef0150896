"""What the dummy reports as usage is what its totals have, read as the gateway reads it."""

import json

import pytest

from gecholog.llm.folding import fold
from gecholog.llm.usage import usage_of
from services.dummy.api import Request
from services.dummy.apis import api_of
from services.dummy.behaviour import Behaviour
from services.dummy.prompt_cache import PromptCache
from services.dummy.reply import Stream

VERSION = {"anthropic-version": "2023-06-01"}
WORDS = "Hello there, please call get_time"
USER = [{"role": "user", "content": WORDS}]
MARKED = [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]
FUNCTION = {"name": "get_time", "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}}}
OPENAI_TOOLS = [{"type": "function", "function": FUNCTION}]
ANTHROPIC_TOOLS = [{"name": "get_time", "input_schema": FUNCTION["parameters"]}]
CHAT = {"model": "m", "messages": USER}
ANTHROPIC = CHAT | {"max_tokens": 2000, "system": MARKED, "thinking": {"type": "adaptive"}}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]}
GEMINI = CONTENTS | {
    "systemInstruction": {"parts": [{"text": "Be kind."}]},
    "generationConfig": {"candidateCount": 2, "thinkingConfig": {"includeThoughts": True}},
}
OLLAMA = CHAT | {"think": True}
CASES = [
    ("/v1/chat/completions", CHAT | {"n": 3}),
    ("/v1/chat/completions", CHAT | {"tools": OPENAI_TOOLS}),
    ("/v1/chat/completions", CHAT | {"stream": True, "stream_options": {"include_usage": True}}),
    ("/v1/responses", {"model": "m", "input": WORDS}),
    ("/v1/responses", {"model": "m", "input": WORDS, "tools": [{"type": "function", **FUNCTION}], "stream": True}),
    ("/v1/embeddings", {"model": "m", "input": WORDS}),
    ("/v1/messages", ANTHROPIC),
    ("/v1/messages", ANTHROPIC | {"stream": True}),
    ("/v1/messages", ANTHROPIC | {"stream": True, "tools": ANTHROPIC_TOOLS}),
    ("/v1beta/models/m:generateContent", GEMINI),
    ("/v1beta/models/m:streamGenerateContent?alt=sse", GEMINI),
    ("/v1beta/models/m:streamGenerateContent", GEMINI | {"tools": [{"functionDeclarations": [FUNCTION]}]}),
    ("/v1beta/models/m:embedContent", {"content": CONTENTS["contents"][0]}),
    ("/api/chat", OLLAMA),
    ("/api/chat", OLLAMA | {"stream": False, "tools": OPENAI_TOOLS}),
    ("/api/generate", {"model": "m", "prompt": WORDS}),
    ("/api/embed", {"model": "m", "input": WORDS}),
]


@pytest.mark.parametrize(("path", "body"), CASES)
def test_the_same(path, body):
    """In each API, whole and streamed, with thoughts and tools, and when the prompt is in the cache."""
    cache = PromptCache()
    path, _, alt = path.partition("?")
    query = {"alt": "sse"} if alt else {}
    cached = 0
    for _ in range(2):
        data = json.dumps(body).encode()
        reply = api_of(path, VERSION).answer(Request("POST", path, query, VERSION, data, Behaviour(), cache))
        if isinstance(reply, Stream):
            sent = b"".join((reply.head, *reply.chunks, reply.tail))
            answer = fold(sent, reply.content_type, completed=True)
        else:
            answer = json.loads(reply.body)
        found = usage_of(answer)
        expected = reply.spent.tokens()
        told = {name: getattr(found, name) or 0 for name in expected}
        assert told == expected
        cached += expected["cached_tokens"]
    assert (cached > 0) == ("system" in body or "systemInstruction" in body)
