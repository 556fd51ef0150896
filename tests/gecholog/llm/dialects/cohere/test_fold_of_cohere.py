"""Streams of Cohere's `/v2/chat`."""

from gecholog import llm
from tests.gecholog.llm.samples import COHERE, SSE, sse_named

FOLDED = {
    "id": "co_1",
    "message": {
        "role": "assistant",
        "tool_plan": "I look it up.",
        "content": [{"type": "text", "text": "Hi there"}],
        "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
        "citations": [],
    },
    "finish_reason": "COMPLETE",
    "usage": {"billed_units": {"input_tokens": 5}, "tokens": {"input_tokens": 71, "output_tokens": 2}},
}


def test_message():
    """Texts and tool calls are put together by index, the end brings reason and usage."""
    assert llm.fold(sse_named(*COHERE), SSE, completed=True) == FOLDED


def test_error_in_the_end():
    """An error that comes with the end stands beside what came."""
    end = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "generation failed"}}
    folded = llm.fold(sse_named(*COHERE[:-1], end), SSE, completed=True)
    assert (folded["error"], folded["message"]["content"]) == ("generation failed", FOLDED["message"]["content"])
