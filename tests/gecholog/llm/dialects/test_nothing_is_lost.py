"""Nothing of a request is lost silently: each field of the public OpenAPI documents, for each provider.

A field is in the request for the provider, or is listed as left out, or the request is refused with an error that names
it. What is none of these stands in `EXEMPT`, with the reason.
"""

import json
import re
from functools import cache
from typing import Any, NamedTuple

import pytest

from gecholog.llm.chat import ChatRequest
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.errors import InvalidRequestError, UnsupportedParameterError
from tests.gecholog.llm.public_requests import probes
from tests.gecholog.llm.public_schemas import ANTHROPIC, OPEN_RESPONSES, OPENAI
from tests.gecholog.llm.schema_walk import MARK

CLIENTS = {
    ANTHROPIC: "anthropic",
    OPENAI: "openai_chat",
    f"{OPENAI} responses": "openai_responses",
    OPEN_RESPONSES: "openai_responses",
}
# A model of each kind that the writers tell apart.
TARGETS = [
    ("openai_chat", "gpt-5", "openai"),
    ("openai_chat", "mistral-large", "mistral"),
    ("openai_chat", "deepseek-chat", "deepseek"),
    ("openai_chat", "anthropic/claude", "openrouter"),
    ("openai_chat", "some", ""),
    ("openai_responses", "gpt-5", "openai"),
    ("anthropic", "claude-3-5-haiku", ""),
    ("anthropic", "claude-sonnet-4-5", ""),
    ("anthropic", "claude-opus-4-7", ""),
    ("anthropic_vertex", "claude-sonnet-4-5", ""),
    ("gemini", "gemini-2.0-flash", ""),
    ("gemini", "gemini-2.5-flash", ""),
    ("gemini", "gemini-3-pro", ""),
    ("ollama", "qwen3", ""),
    ("bedrock_converse", "anthropic.claude-sonnet-4-5-v1:0", ""),
    ("bedrock_converse", "meta.llama3", ""),
    ("cohere", "command-a-reasoning", ""),
]
# Other names of fields in notices and refusals: those of chat completions.
ALIASES = {
    "user_id": "user",
    "effort": "reasoning_effort",
    "thinking": "reasoning_effort reasoning_content",
    "redacted_thinking": "reasoning_content",
    "reasoning": "reasoning_effort reasoning_content",
    "display": "summary",
    "generate_summary": "summary",
    "stop_sequences": "stop",
    "disable_parallel_tool_use": "parallel_tool_calls",
    "document": "file",
    "input_file": "file",
    "input_image": "image",
    "title": "filename",
    "output_format": "response_format",
}
PATHED = "gemini|bedrock_converse"
# Paths, the providers they are about, and why nothing is to be seen.
EXEMPT = [
    (r"stream\.=True", PATHED, "it is in the path of the request"),
    (r"store\.=False", ".*", "nothing is stored"),
    (r".*\.detail\.=auto", ".*", "so it is unless it is said"),
    (r"stream_options\.include_usage.*", ".*", "the gateway asks for it, and leaves it out of the answer"),
    (r"parallel_tool_calls\.=True", ".*", "so it is unless it is forbidden"),
    (r"tool_choice(\..*)?\.(<auto>|=auto)", ".*", "so it is without a choice"),
    (
        r"thinking\.<disabled>|reasoning\.effort\.=none",
        "anthropic.*|gemini|bedrock_converse",
        "they do not think unasked",
    ),
    (r"thinking\..*display\.=summarized", ".*", "so it is unless it is asked to be omitted"),
    (r"thinking\..*display\.=omitted", "openai_chat", "OpenAI never shows it"),
    (r".*\.type\.=(custom|message)|.*\.(caller|allowed_callers)\..*direct>?", ".*", "so it is unless it is said"),
    (r"(modalities\.\[\]|response_format|text\.format)\.(=text|<text>)", ".*", "so it is unless it is said"),
    (r".*json_schema.*\.name", ".*", "a label that OpenAI requires"),
    (r".*json_schema.*\.strict\.=True", ".*", "these always keep to the schema"),
    (r".*media_type\.=image.*", "ollama", "it tells by the bytes"),
    (
        r".*<tool_use>\.id|.*tool_calls\.\[\]\.id",
        "openai_chat|gemini",
        "Gemini has none, and Mistral wants its own form",
    ),
    (r".*<thinking>\.signature", "openai_chat", "a proof for another provider; the text is there"),
    (r".*\.<document>\.source\.<content>\..*", PATHED, "it is there in base64"),
    (r"include\.\[\]\.=reasoning\.encrypted_content", ".*", "it always comes"),
    (r"input\.<\w+>\.(id|status)(\..*)?", ".*", "how an item came to be is nothing that a model reads"),
    (r".*<input_(file|image)>\.(file_id|file_url)", ".*", "beside the bytes, which are there"),
    (r".*<file>\.file\.file_id", ".*", "beside the bytes, which are there"),
    (r".*(<text>|<input_text>|content\.\[\])", ".*", "a text in another form, with the same words"),
]
# What a provider's own API would refuse as well, or the document allows by mistake.
INVALID = (
    r"messages\.user\..*<(thinking|redacted_thinking|tool_use)>.*",
    r"messages\.assistant\..*<tool_result>.*",
)


class Read(NamedTuple):
    """A field, and what the client's dialect reads with it and without it: a request or an error."""

    path: str
    marks: frozenset[str]
    request: ChatRequest | InvalidRequestError
    without: ChatRequest | InvalidRequestError


def read(client: str, body: Any) -> ChatRequest | InvalidRequestError:
    reader = CHAT_DIALECTS[client].read_request
    assert reader is not None
    try:
        return reader(body)
    except InvalidRequestError as error:
        return error


@cache
def fields(document: str) -> list[Read]:
    client = CLIENTS[document]
    return [
        Read(
            probe.path,
            marks_in(probe.body) - marks_in(probe.without),
            read(client, probe.body),
            read(client, probe.without),
        )
        for probe in probes(document)
    ]


def marks_in(value: Any) -> frozenset[str]:
    return frozenset(re.findall(rf'"({MARK}\w+)"', json.dumps(value)))


def written(request: ChatRequest, target: tuple[str, str, str]) -> WrittenRequest | UnsupportedParameterError:
    dialect, model, profile = target
    try:
        return CHAT_DIALECTS[dialect].write_request(request, Target(model, profile=profile))
    except UnsupportedParameterError as error:
        return error


def names_of(path: str) -> set[str]:
    """The names in a path, and those that notices have for them."""
    names = {name.strip("<>=[]") for name in re.split(r"\.(?![^<]*>)", path)} - {""}
    return names.union(*(ALIASES[name].split() for name in names & ALIASES.keys()))


def is_named(path: str, words: str) -> bool:
    return any(name.lower() in words.lower() for name in names_of(path))


def is_exempt(path: str, dialect: str) -> bool:
    return any(re.fullmatch(paths, path) and re.fullmatch(to, dialect) for paths, to, _ in EXEMPT)


def is_lost(field: Read, target: tuple[str, str, str]) -> bool:
    """Whether a field makes no difference that anybody is told of."""
    assert isinstance(field.request, ChatRequest)
    found = written(field.request, target)
    before = written(field.without, target) if isinstance(field.without, ChatRequest) else field.without
    if isinstance(found, UnsupportedParameterError):
        refused_anyway = isinstance(before, UnsupportedParameterError)
        return not refused_anyway and not is_named(field.path, f"{found.param} {found}")
    if not isinstance(before, WrittenRequest):
        return False
    if {part for name in found.dropped for part in name.split(".")} & names_of(field.path):
        return False
    body = json.dumps(found.body)
    return body == json.dumps(before.body) or not all(mark in body for mark in field.marks)


PAIRS = [(document, target) for document, client in CLIENTS.items() for target in TARGETS if target[0] != client]


@pytest.mark.parametrize(("document", "target"), PAIRS)
def test_each_field_is_sent_or_listed_or_refused(document: str, target: tuple[str, str, str]) -> None:
    lost = [
        field.path
        for field in fields(document)
        if isinstance(field.request, ChatRequest) and not is_exempt(field.path, target[0]) and is_lost(field, target)
    ]
    assert lost == []


def test_each_exemption_is_needed() -> None:
    lost = [
        (field.path, target[0])
        for document, target in PAIRS
        for field in fields(document)
        if isinstance(field.request, ChatRequest) and is_lost(field, target)
    ]
    unused = [
        paths
        for paths, to, _ in EXEMPT
        if not any(re.fullmatch(paths, path) and re.fullmatch(to, dialect) for path, dialect in lost)
    ]
    assert unused == []


@pytest.mark.parametrize("document", CLIENTS)
def test_what_the_document_allows_is_read(document: str) -> None:
    refused = [
        (field.path, str(field.request))
        for field in fields(document)
        if isinstance(field.request, InvalidRequestError)
        and isinstance(field.without, ChatRequest)
        and not any(re.fullmatch(path, field.path) for path in INVALID)
    ]
    assert refused == []
