"""What of an answer no client of another API is told: each field of the public OpenAPI documents that is not in `LOST`
changes what the clients get.

docs/translation.md has the same list in words.
"""

import json
import re
from functools import cache
from typing import Any

import pytest

from gecholog.llm.chat import ChatRequest, ChatResponse
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.errors import InvalidResponseError
from tests.gecholog.llm.public_schemas import ANTHROPIC, OPENAI, schemas
from tests.gecholog.llm.schema_walk import ABSENT, SchemaWalk

CONTEXT = ReplyContext(ChatRequest("m", ()), "id1", 1, "asked")
ANSWERS = {
    "anthropic": (ANTHROPIC, "BetaMessage"),
    "openai_chat": (OPENAI, "CreateChatCompletionResponse"),
    "openai_responses": (OPENAI, "Response"),
}
CLIENTS = [name for name, dialect in CHAT_DIALECTS.items() if dialect.write_response is not None]
OPENAIS = "openai_chat|openai_responses"
# The provider, the fields, the clients that are not told of them, and why.
LOST = [
    # Anthropic
    ("anthropic", r"id", "openai_responses", "a response has an id of its own"),
    ("anthropic", r"content.*<\w*(server|tool_result|mcp|upload|compaction|fallback)\w*>.*", OPENAIS, "server tools"),
    ("anthropic", r"content.*<tool_use>\.caller.*", OPENAIS, "server tools"),
    ("anthropic", r"content.*citations.*_(index|number|id)", OPENAIS, "places in documents: only texts and titles"),
    ("anthropic", r"content.*citations.*", "openai_responses", "responses cite what has a URL"),
    ("anthropic", r"stop_(reason|sequence)(\.=stop_sequence)?", OPENAIS, "which sequence it was"),
    ("anthropic", r"stop_reason\.=tool_use", "openai_responses", "it is told by the calls"),
    ("anthropic", r"stop_details.*", OPENAIS, "the kind of a refusal"),
    (
        "anthropic",
        r"usage\.(cache_creation|fallback|inference|iter|server|service_tier|speed).*",
        OPENAIS,
        "parts of counts",
    ),
    ("anthropic", r"(diagnostics|context_management|container).*", OPENAIS, "features of Anthropic alone"),
    # chat completions
    ("openai_chat", r"id", "openai_responses", "a response has an id of its own"),
    ("openai_chat", r"choices.*index", ".*", "there is one answer; places in texts for Anthropic's clients"),
    ("openai_chat", r"choices.*finish_reason.*", ".*", "it is told by the calls, and by the refusal of the base"),
    ("openai_chat", r"choices.*(audio|logprobs).*", ".*", "refused in requests"),
    ("openai_chat", r"(service_tier|system_fingerprint).*", ".*", "which of its servers answered"),
    ("openai_chat", r"usage\..*_details\.\w*(prediction|audio)_tokens", ".*", "parts of counts"),
    # responses
    ("openai_responses", r"output.*<\w*(file_search|web_search|computer)\w*>.*", ".*", "server tools"),
    ("openai_responses", r"output.*(\.id|\.status\.=\w+)", ".*", "how an item came to be"),
    (
        "openai_responses",
        r"output.*annotations.*(file_citation|file_path).*|output_text",
        ".*",
        "files at the provider",
    ),
    ("openai_responses", r"output.*annotations.*_index", "anthropic", "places in texts"),
    ("openai_responses", r"(status|incomplete_details|error).*", ".*", "it counts with the status that it belongs to"),
    (
        "openai_responses",
        r"service_tier.*|usage\.input_tokens_details.*",
        "anthropic",
        "of OpenAI; more than the prompt",
    ),
    (
        "openai_responses",
        r"(metadata|temperature|top_p|user|previous_response_id|reasoning|max_output_tokens|instructions|text|tool|trunc).*",
        ".*",
        "what was asked for",
    ),
]


def read(provider: str, body: Any) -> ChatResponse | None:
    try:
        return CHAT_DIALECTS[provider].read_response(json.loads(json.dumps(body)))
    except InvalidResponseError:
        return None


@cache
def lost(provider: str) -> list[tuple[str, str]]:
    """Fields of a provider's answer, and the clients for which they make no difference."""
    document, schema = ANSWERS[provider]
    found = schemas(document)
    walk = SchemaWalk(
        found, {"created": 1700000000, "created_at": 1700000000}, ("content", "message", "choices", "output")
    )
    fields: list[tuple[str, str]] = []
    for pair in walk.pairs(found[schema]):
        with_it = read(provider, pair.value)
        without = None if pair.without is ABSENT else read(provider, pair.without)
        if with_it is None or without is None:
            continue
        for client in CLIENTS:
            write = CHAT_DIALECTS[client].write_response
            assert write is not None
            if client != provider and write(with_it, CONTEXT) == write(without, CONTEXT):
                fields.append((".".join(pair.path), client))
    return fields


def is_listed(provider: str, path: str, client: str) -> bool:
    return any(of == provider and re.fullmatch(paths, path) and re.fullmatch(to, client) for of, paths, to, _ in LOST)


@pytest.mark.parametrize("provider", ANSWERS)
def test_what_is_lost_is_listed(provider: str) -> None:
    assert [(path, client) for path, client in lost(provider) if not is_listed(provider, path, client)] == []


def test_what_is_listed_is_lost() -> None:
    unused = [
        paths
        for of, paths, to, _ in LOST
        if not any(re.fullmatch(paths, path) and re.fullmatch(to, client) for path, client in lost(of))
    ]
    assert unused == []
