"""Reads answers of Anthropic messages into the neutral form."""

from __future__ import annotations

from gecholog.llm.chat import ChatResponse, Choice, FinishReason, Part, Reasoning, Text, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.dialects.anthropic.blocks import NAME, citations_of
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.finish import Finish, read_finish
from gecholog.llm.tool_arguments import as_text
from gecholog.llm.usage import usage_of

_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "pause_turn": FinishReason.LENGTH,  # sent again, it goes on; so does an answer that was cut off
    "compaction": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.REFUSAL,
}


def finish_of(fields: Json) -> Finish:
    """Why an answer ended, by its `stop_reason`."""
    return read_finish(_REASONS, fields.get("stop_reason"))


def read_response(answer: Json) -> ChatResponse:
    """The neutral form of an answer. Raises InvalidResponseError."""
    content = answer.get("content")
    if not isinstance(content, list):
        raise InvalidResponseError("the answer has no content")
    parts = tuple(part for block in content if isinstance(block, dict) for part in _parts(block))
    finish = finish_of(answer)
    choice = Choice(parts, finish.reason, _word(answer, "stop_sequence"), finish.native)
    usage = answer.get("usage")
    tier = _word(usage, "service_tier") if isinstance(usage, dict) else ""
    return ChatResponse((choice,), _word(answer, "id"), _word(answer, "model"), None, usage_of(answer), tier)


def _parts(block: Json) -> tuple[Part, ...]:
    """The part that a block is. Those of server tools tell how a text came about, and have no place elsewhere."""
    match block.get("type"):
        case "text":
            return (Text(_word(block, "text"), citations=citations_of(block.get("citations"))),)
        case "thinking":
            signature = _word(block, "signature")
            return (Reasoning(_word(block, "thinking"), signature, NAME if signature else ""),)
        case "redacted_thinking":
            return (Reasoning(signature=_word(block, "data"), origin=NAME, is_redacted=True),)
        case "tool_use":
            return (ToolCall(_word(block, "id"), _word(block, "name"), as_text(block.get("input"))),)
    return ()


def _word(fields: Json, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
