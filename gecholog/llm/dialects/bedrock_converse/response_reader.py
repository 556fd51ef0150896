"""Reads answers of Bedrock's Converse into the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import ChatResponse, Choice, FinishReason, Part, Reasoning, Text, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.dialects.claude_thinking import ORIGIN
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.tool_arguments import as_text
from gecholog.llm.usage import usage_of

_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "guardrail_intervened": FinishReason.CONTENT_FILTER,
    "content_filtered": FinishReason.CONTENT_FILTER,
}


def read_response(answer: Json) -> ChatResponse:
    """The neutral form of an answer. Raises InvalidResponseError."""
    output = answer.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        raise InvalidResponseError("the answer has no message")
    parts = tuple(part for block in content if isinstance(block, dict) for part in _parts(block))
    reason = finish_reason(answer.get("stopReason"), has_calls=any(isinstance(part, ToolCall) for part in parts))
    return ChatResponse((Choice(parts, reason, stop_sequence_of(answer)),), usage=usage_of(answer))


def finish_reason(told: Any, *, has_calls: bool) -> FinishReason | None:
    """Why an answer ended; one that is not known is an end of its own."""
    if told is None:
        return None
    reason = _REASONS.get(told, FinishReason.STOP) if isinstance(told, str) else FinishReason.STOP
    return FinishReason.TOOL_CALLS if has_calls and reason is FinishReason.STOP else reason


def stop_sequence_of(answer: Json) -> str:
    """The stop sequence that Claude met, if the answer tells."""
    more = answer.get("additionalModelResponseFields")
    return word(more, "stop_sequence") if isinstance(more, dict) else ""


def _parts(block: Json) -> tuple[Part, ...]:
    match block:
        case {"text": str(text)}:
            return (Text(text),)
        case {"toolUse": dict(call)}:
            return (ToolCall(word(call, "toolUseId"), word(call, "name"), as_text(call.get("input"))),)
        case {"reasoningContent": {"reasoningText": dict(thought)}}:
            signature = word(thought, "signature")
            return (Reasoning(word(thought, "text"), signature, ORIGIN if signature else ""),)
        case {"reasoningContent": {"redactedContent": str(data)}}:
            return (Reasoning(signature=data, origin=ORIGIN, is_redacted=True),)
        case {"citationsContent": {"content": list(cited)}}:
            return tuple(Text(word(one, "text")) for one in cited if isinstance(one, dict))
    return ()


def word(fields: Json, name: str) -> str:
    """A member if it is a text, else an empty one."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""
