"""Reads answers of Bedrock's Converse into the neutral form."""

from __future__ import annotations

from gecholog.llm.chat import ChatResponse, Choice, FinishReason, Part, Reasoning, Text, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.dialects.claude_thinking import ORIGIN
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.finish import Finish, read_finish
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
    "malformed_model_output": FinishReason.FAILED,
    "malformed_tool_use": FinishReason.FAILED,
}


def read_response(answer: Json) -> ChatResponse:
    """The neutral form of an answer. Raises InvalidResponseError."""
    output = answer.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        raise InvalidResponseError("the answer has no message")
    parts = tuple(part for block in content if isinstance(block, dict) for part in _parts(block))
    finish = finish_of(answer, has_calls=any(isinstance(part, ToolCall) for part in parts))
    choice = Choice(parts, finish.reason, stop_sequence_of(answer), finish.native)
    return ChatResponse((choice,), usage=usage_of(answer))


def finish_of(answer: Json, *, has_calls: bool) -> Finish:
    """Why an answer ended."""
    return read_finish(_REASONS, answer.get("stopReason"), has_calls=has_calls)


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
