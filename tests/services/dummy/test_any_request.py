"""Whatever a request holds, the APIs answer it, or raise the error that they document."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dummy.api import Request
from services.dummy.api_error import ApiError
from services.dummy.apis import api_of
from services.dummy.behaviour import Behaviour
from services.dummy.prompt_cache import PromptCache
from services.dummy.reply import JsonReply

VERSION = {"anthropic-version": "2023-06-01"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
ANTHROPIC = {
    "model": "m",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
    "stop_sequences": ["x"],
    "stream": True,
    "metadata": {"user_id": "u"},
    "thinking": {"type": "adaptive", "display": "omitted"},
    "tools": [{"name": "t", "description": "A tool.", "input_schema": SCHEMA}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    "messages": [
        {"role": "user", "content": "t, t"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "t", "input": {"a": 1}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "fine"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                {"type": "text", "text": "Hi"},
            ],
        },
    ],
}
GEMINI = {
    "systemInstruction": {"parts": [{"text": "Be kind."}]},
    "tools": [{"functionDeclarations": [{"name": "t", "parameters": {"type": "OBJECT", "properties": {"a": {}}}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["t"]}},
    "generationConfig": {
        "candidateCount": 2,
        "maxOutputTokens": 9,
        "stopSequences": ["x"],
        "temperature": 1,
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 0},
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    },
    "contents": [
        {"role": "user", "parts": [{"text": "t, t"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "t", "args": {"a": [1, 1.0, "x"]}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "t", "response": {"is": "fine"}}}]},
    ],
}
OLLAMA = {
    "model": "m",
    "stream": False,
    "think": "low",
    "format": SCHEMA,
    "options": {"num_predict": 9, "stop": ["x"]},
    "tools": [{"type": "function", "function": {"name": "t", "parameters": SCHEMA}}],
    "messages": [
        {"role": "user", "content": "t, t", "images": ["aGk="]},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "t", "arguments": {"a": 1}}}]},
        {"role": "tool", "tool_name": "t", "content": "fine"},
    ],
}
CHAT = {
    "model": "m",
    "n": 2,
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 9,
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    "tools": [{"type": "function", "function": {"name": "t", "parameters": SCHEMA}}],
    "tool_choice": "auto",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "t, t"}]},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "t", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "fine"},
    ],
}
RESPONSES = {
    "model": "m",
    "instructions": "Be kind.",
    "stream": True,
    "max_output_tokens": 9,
    "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
    "tools": [{"type": "function", "name": "t", "parameters": SCHEMA}],
    "tool_choice": {"type": "function", "name": "t"},
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "t, t"}]},
        {"type": "function_call", "call_id": "1", "name": "t", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "fine"},
    ],
}
PREDICT = {"instances": [{"prompt": "A cat"}], "parameters": {"sampleCount": 2}}
PLACES = {
    "/v1/chat/completions": CHAT,
    "/v1/responses": RESPONSES,
    "/v1/messages": ANTHROPIC,
    "/v1/messages/count_tokens": {name: ANTHROPIC[name] for name in ("model", "messages", "tools", "thinking")},
    "/v1beta/models/m:generateContent": GEMINI,
    "/v1beta/models/gemini-3:streamGenerateContent": GEMINI | {"contents": GEMINI["contents"][:1]},
    "/v1beta/models/m:countTokens": {"generateContentRequest": GEMINI},
    "/v1beta/models/m:batchEmbedContents": {"requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]}}]},
    "/v1beta/models/m:predict": PREDICT,
    "/api/chat": OLLAMA,
    "/api/generate": OLLAMA | {"prompt": "Hi"},
    "/api/embed": {"model": "m", "input": ["Hi", "there"], "dimensions": 4},
}

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "a", "text"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def send(path, body):
    data = json.dumps(body).encode()
    request = Request("POST", path, {}, VERSION, data, Behaviour(), PromptCache())
    return api_of(path, VERSION).answer(request)


def places_in(value, before=()):
    """The paths to everything in a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*before, key)
        yield from places_in(inner, (*before, key))


@pytest.mark.parametrize("path", PLACES)
def test_as_it_is(path):
    """The requests that are changed below are good ones."""
    assert send(path, PLACES[path])


@pytest.mark.parametrize("path", PLACES)
@given(st.data())
def test_with_anything_in_it(path, data):
    """Something in a request is replaced or left out: it is answered with JSON, with a stream, or with ApiError."""
    body = copy.deepcopy(PLACES[path])
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(list(places_in(body)) or [("x",)]))
        inner = body
        for step in way:
            inner = inner[step]
        if data.draw(st.booleans()) or last == "x":
            inner[last] = data.draw(values)
        else:
            del inner[last]
    try:
        answer = send(path, body)
    except ApiError:
        return
    if isinstance(answer, JsonReply):
        json.loads(answer.body)
    if answer.spent is not None:
        assert min(answer.spent.tokens().values()) >= 0
