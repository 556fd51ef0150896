from typing import Any

import pytest

from gecholog.llm.chat import ChatRequest, ChatResponse, Choice, FinishReason, Refusal, Text, ToolCall
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.dialects.anthropic.response_writer import stop_of, usage_fields, write_response
from gecholog.llm.usage import Usage

CONTEXT = ReplyContext(ChatRequest("m", ()), "id1", 1, "asked")


@pytest.mark.parametrize(
    ("usage", "fields"),
    [
        (None, {"input_tokens": 0, "output_tokens": 0}),
        (
            Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=4, cache_creation_tokens=3, reasoning_tokens=2),
            {
                "input_tokens": 3,
                "cache_creation_input_tokens": 3,
                "cache_read_input_tokens": 4,
                "output_tokens": 5,
                "output_tokens_details": {"thinking_tokens": 2},
            },
        ),
        (
            Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=14),
            {"input_tokens": 0, "cache_read_input_tokens": 10, "output_tokens": 5},
        ),
    ],
)
def test_input_tokens_leave_out_what_the_cache_had(usage: Usage | None, fields: dict[str, Any]) -> None:
    assert {name: value for name, value in usage_fields(usage).items() if value is not None} == fields


@pytest.mark.parametrize(
    ("reason", "sequence", "stop"),
    [
        (FinishReason.STOP, "", "end_turn"),
        (FinishReason.STOP, "END", "stop_sequence"),
        (FinishReason.LENGTH, "", "max_tokens"),
        (FinishReason.TOOL_CALLS, "", "tool_use"),
        (FinishReason.CONTENT_FILTER, "", "refusal"),
        (None, "", "end_turn"),
    ],
)
def test_stop_reasons(reason: FinishReason | None, sequence: str, stop: str) -> None:
    told = {"stop_reason": stop, "stop_sequence": sequence or None, "stop_details": None}
    assert stop_of(reason, sequence) == told


def test_what_the_provider_has_no_words_for_comes_from_the_call() -> None:
    parts = (Text("x"), Refusal("no"), ToolCall("", "look", "not JSON"))
    written = write_response(ChatResponse((Choice(parts),)), CONTEXT)
    assert (written["id"], written["model"]) == ("msg_id1", "asked")
    assert written["content"] == [
        {"type": "text", "text": "x", "citations": None},
        {"type": "text", "text": "no", "citations": None},
        {
            "type": "tool_use",
            "id": "toolu_id1_2",
            "name": "look",
            "input": {"arguments": "not JSON"},
            "caller": {"type": "direct"},
        },
    ]
