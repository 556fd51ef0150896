"""The texts of payloads: of each API, of folded streams, and of anything at all."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog.llm import payload_text
from gecholog.llm.payload_text import (
    ASSISTANT,
    ROLES,
    SYSTEM,
    THINKING,
    TOOL,
    TOOL_CALL,
    USER,
    PayloadText,
    answered,
    asked,
)

PICTURE = "iVBORw0KGgo="

CHAT = {
    "model": "gpt",
    "tools": [{"type": "function", "function": {"name": "weather", "description": "never counted"}}],
    "messages": [
        {"role": "developer", "content": "Be short."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "a lizard"},
        {"role": "user", "name": "ada", "content": "Thanks"},
    ],
}
RESPONSES = {
    "instructions": "Be short.",
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "text"}},
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image", "image_url": "x"}]},
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "greet"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "again"}]},
    ],
}
ANTHROPIC = {
    "system": [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A document"}},
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "Its part"}]}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
                {"type": "search_result", "source": "https://x.example", "content": [{"type": "text", "text": "Hit"}]},
                {"type": "text", "text": "Hi"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "abc"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"city": "Oslo"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "warm"}]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "cold"}]}],
        },
    ],
}
GEMINI = {
    "systemInstruction": {"parts": [{"text": "Be short."}]},
    "generationConfig": {"responseMimeType": "text/plain"},
    "contents": [
        {"role": "user", "parts": [{"text": "Hi"}, {"inlineData": {"mimeType": "image/png", "data": PICTURE}}]},
        {
            "role": "model",
            "parts": [{"text": "hm", "thought": True}, {"functionCall": {"name": "f", "args": {"a": 1}}}],
        },
        {"parts": [{"functionResponse": {"name": "f", "response": {"b": 2}}}]},
        {"parts": [{"text": "And now?"}]},
    ],
}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            CHAT,
            [
                (SYSTEM, "Be short."),
                (USER, "What is this?"),
                (TOOL_CALL, '{"at": 1}'),
                (TOOL, "a lizard"),
                (USER, "Thanks"),
            ],
        ),
        (
            RESPONSES,
            [
                (SYSTEM, "Be short."),
                (USER, "Hi"),
                (THINKING, "greet"),
                (ASSISTANT, "Hello"),
                (TOOL_CALL, "{}"),
                (TOOL, "done"),
                (TOOL, "again"),
            ],
        ),
        (
            ANTHROPIC,
            [
                (SYSTEM, "Be short."),
                (USER, "A document"),
                (USER, "Its part"),
                (USER, "Hit"),
                (USER, "Hi"),
                (THINKING, "hm"),
                (TOOL_CALL, '{"city":"Oslo"}'),
                (TOOL, "warm"),
                (TOOL, "cold"),
            ],
        ),
        (
            GEMINI,
            [
                (SYSTEM, "Be short."),
                (USER, "Hi"),
                (THINKING, "hm"),
                (TOOL_CALL, '{"a":1}'),
                (TOOL, '{"b":2}'),
                (USER, "And now?"),
            ],
        ),
        ({"input": "Hi"}, [(USER, "Hi")]),
        ({"input": ["one", "two"]}, [(USER, "one"), (USER, "two")]),
        ({"input": [1, 2, 3]}, []),
        ({"prompt": "Once", "suffix": "end"}, [(USER, "Once"), (USER, "end")]),
        ({"prompt": ["Once", "Twice"]}, [(USER, "Once"), (USER, "Twice")]),
        ({"model": "llama", "system": "Be short.", "prompt": "Hi"}, [(SYSTEM, "Be short."), (USER, "Hi")]),
        ({"content": {"parts": [{"text": "embed me"}]}}, [(USER, "embed me")]),
        ({"contents": {"parts": [{"text": "alone"}]}}, [(USER, "alone")]),
        ({"messages": [{"role": "critic", "content": "boo"}]}, [(USER, "boo")]),
        ({"messages": [{"role": ["odd"], "content": "boo", "type": {}}]}, [(USER, "boo")]),
        ("plain words", [(USER, "plain words")]),
        ([{"prompt": "one"}, {"prompt": "two"}, 3], [(USER, "one"), (USER, "two")]),
        ("", []),
        (None, []),
        ({}, []),
        ({"content_type": "image/png", "size": 3, "sha256": "abc"}, []),
    ],
)
def test_asked(payload, expected):
    """Each API's request, with everybody's words in order."""
    assert asked(payload) == tuple(PayloadText(*each) for each in expected)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi", "refusal": None}}]},
            [(ASSISTANT, "Hi")],
        ),
        (
            {"choices": [{"message": {"role": "assistant", "reasoning_content": "hm", "content": "Hi"}}]},
            [(THINKING, "hm"), (ASSISTANT, "Hi")],
        ),
        ({"choices": [{"message": {"role": "assistant", "refusal": "No"}}]}, [(ASSISTANT, "No")]),
        (
            {"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]},
            [(ASSISTANT, "a"), (ASSISTANT, "b")],
        ),
        (
            {"choices": [{"message": {"tool_calls": [{"type": "custom", "custom": {"name": "f", "input": "raw"}}]}}]},
            [(TOOL_CALL, "raw")],
        ),
        ({"choices": [{"text": "Once", "logprobs": {"tokens": ["Once"]}}]}, [(ASSISTANT, "Once")]),
        (
            {
                "object": "response",
                "instructions": "an echo of the request",
                "text": {"format": {"type": "text"}},
                "output": [
                    {"type": "reasoning", "summary": []},
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
                ],
            },
            [(ASSISTANT, "Hi")],
        ),
        (
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi"}]},
            [(THINKING, "hm"), (ASSISTANT, "Hi")],
        ),
        ({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}}]}, [(ASSISTANT, "Hi")]),
        ({"message": {"role": "assistant", "thinking": "hm", "content": "Hi"}}, [(THINKING, "hm"), (ASSISTANT, "Hi")]),
        ({"response": "Hi", "thinking": "hm", "context": [1]}, [(THINKING, "hm"), (ASSISTANT, "Hi")]),
        ({"output": "Hi"}, [(ASSISTANT, "Hi")]),
        ({"error": {"message": "rate limited"}}, []),
        ("plain words", [(ASSISTANT, "plain words")]),
    ],
)
def test_answered(payload, expected):
    """Each API's answer, streamed and folded or not."""
    assert answered(payload) == tuple(PayloadText(*each) for each in expected)


def test_said_by():
    """What some have said, in order."""
    assert list(payload_text.said_by(asked(CHAT), USER, TOOL)) == ["What is this?", "a lizard", "Thanks"]


def test_payload():
    """The first name that is there; the error of the first if none is."""
    assert payload_text.payload({"b": 1, "c": 2}, "a", "b", "c") == 1
    with pytest.raises(KeyError, match="a"):
        payload_text.payload({}, "a", "b")


MEMBERS = (
    "role type text content parts messages input output source message choices function arguments args response"
    " thinking summary candidates thought"
)
names = st.sampled_from(MEMBERS.split()) | st.text(max_size=3)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=25,
)


@settings(deadline=None)
@given(anything)
def test_never_fails(payload):
    """Whatever is sent, each text is one of its strings or JSON, and is not empty."""
    known = set(payload_text.strings(payload))
    for text in (*asked(payload), *answered(payload)):
        assert text.role in ROLES
        assert text.text in known or json.loads(text.text) is not Ellipsis


@settings(deadline=None)
@given(anything)
def test_strings(payload):
    """Every string of the JSON text that is no name, in order."""
    found = []

    def collect(value):
        if isinstance(value, dict):
            for item in value.values():
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)
        elif isinstance(value, str) and value:
            found.append(value)

    collect(payload)
    assert list(payload_text.strings(payload)) == found


def test_nested_deeply():
    """Depth that no API has is passed over, and costs nothing."""
    payload = "deep"
    for _ in range(100_000):
        payload = {"content": [payload]}
    assert asked({"messages": [payload]}) == ()
    assert list(payload_text.strings(payload)) == ["deep"]
    arguments = []
    for _ in range(5_000):
        arguments = [arguments]
    assert answered({"content": [{"type": "tool_use", "input": arguments}]}) == ()
