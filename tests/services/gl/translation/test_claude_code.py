"""Requests as Claude Code makes them, in front of Gemini and OpenAI: long, with many tools, marks and beta headers."""

import anthropic
import pytest

from tests.support.waiting import DEADLINE

CACHED = {"type": "ephemeral"}
SYSTEM = [
    {"type": "text", "text": "You are a coding agent.", "cache_control": CACHED},
    {"type": "text", "text": "Working directory: /src. " * 40, "cache_control": CACHED},
]
PARAMETERS = {
    "type": "object",
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "properties": {
        "path": {"type": "string", "description": "absolute"},
        "edits": {
            "type": "array",
            "items": {"type": "object", "properties": {"old": {"type": "string"}, "new": {"type": "string"}}},
        },
        "limit": {"type": "integer", "exclusiveMinimum": 0},
    },
    "required": ["path"],
    "additionalProperties": False,
}
TOOLS = [
    {"name": f"Tool{number}", "description": f"Does {number}. " * 20, "input_schema": PARAMETERS}
    for number in range(30)
]
LINE = "    return value  # “naïve” — 文字\n"
SIZE = 200 * 1024


def history():
    """Turns of reading files, about 200 KB."""
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "<reminder/>"}, {"type": "text", "text": "Fix it"}]}
    ]
    size, number = 0, 0
    while size < SIZE:
        text = LINE * 200
        size += len(text.encode())
        call = {"type": "tool_use", "id": f"toolu_{number}", "name": "Tool1", "input": {"path": f"/src/{number}.py"}}
        content = [{"type": "text", "text": text}]
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": content, "is_error": number % 5 == 0}
        messages += [
            {"role": "assistant", "content": [{"type": "text", "text": "Reading."}, call]},
            {"role": "user", "content": [result]},
        ]
        number += 1
    messages[-1]["content"].append({"type": "text", "text": "Go on, say goodbye", "cache_control": CACHED})
    return messages


@pytest.fixture(scope="module")
def claude(unified):
    url = f"http://127.0.0.1:{unified.port}"
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0, timeout=DEADLINE) as found:
        yield found


@pytest.mark.parametrize(
    "model", ["gemini/gemini-2.5-flash", "gemini/gemini-3-pro-preview", "openai/gpt-5", "ollama/qwen3"]
)
def test_a_long_conversation(claude, model):
    with claude.messages.stream(
        model=model,
        system=SYSTEM,
        messages=history(),
        tools=TOOLS,
        thinking={"type": "enabled", "budget_tokens": 4000},
        max_tokens=32000,
        metadata={"user_id": "user_1"},
        extra_headers={"anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14"},
    ) as stream:
        message = stream.get_final_message()
    assert message.stop_reason in ("end_turn", "tool_use")
    assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) > 10_000
    if message.stop_reason == "end_turn":
        assert "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.parametrize("model", ["gemini/gemini-2.5-flash", "openai/gpt-5", "anthropic/claude-sonnet-4-5"])
def test_counting_tokens(claude, model):
    counted = claude.messages.count_tokens(model=model, system=SYSTEM, messages=history(), tools=TOOLS)
    assert counted.input_tokens > 10_000


@pytest.mark.parametrize("model", ["gemini/gemini-2.5-flash", "openai/gpt-5"])
def test_what_is_left_out_is_told(claude, model):
    raw = claude.messages.with_raw_response.create(
        model=model, system=SYSTEM, messages=[{"role": "user", "content": "hello"}], max_tokens=100
    )
    assert "cache_control" in raw.headers["x-gecholog-dropped-params"].split(", ")
    assert raw.headers["x-gecholog-provider"] == model.partition("/")[0]
