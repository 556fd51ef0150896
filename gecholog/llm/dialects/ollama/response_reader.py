"""Reads answers of Ollama's chat into the neutral form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gecholog.llm.chat import ChatResponse, Choice, FinishReason, Part, Reasoning, Text, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.finish import Finish, read_finish
from gecholog.llm.tool_arguments import as_text
from gecholog.llm.usage import usage_of

_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "load": FinishReason.STOP,  # there were no messages: the model was loaded, or unloaded
    "unload": FinishReason.STOP,
}


def read_response(answer: Json) -> ChatResponse:
    """The neutral form of an answer. Raises InvalidResponseError."""
    message = answer.get("message")
    if not isinstance(message, dict):
        raise InvalidResponseError("the answer has no message")
    calls = tool_calls_of(message)
    parts: list[Part] = []
    if thinking := word(message, "thinking"):
        parts.append(Reasoning(thinking))
    if text := word(message, "content"):
        parts.append(Text(text))
    finish = finish_of(answer, has_calls=bool(calls))
    choice = Choice((*parts, *calls), finish.reason, native_reason=finish.native)
    return ChatResponse(
        (choice,), model=word(answer, "model"), created=_seconds(answer.get("created_at")), usage=usage_of(answer)
    )


def finish_of(answer: Json, *, has_calls: bool) -> Finish:
    """Why an answer ended. Calls come whole, whatever it says; older versions do not say."""
    if has_calls:
        return Finish(FinishReason.TOOL_CALLS)
    return read_finish(_REASONS, answer.get("done_reason") or "stop")


def has_calls(answer: Json) -> bool:
    """Tell whether an answer, or a chunk of one, has tool calls."""
    message = answer.get("message")
    return isinstance(message, dict) and "tool_calls" in message


def tool_calls_of(message: Json) -> list[ToolCall]:
    """The calls of a message, or of a chunk of one."""
    found = message.get("tool_calls")
    functions = [
        (word(call, "id"), call["function"])
        for call in (found if isinstance(found, list) else ())
        if isinstance(call, dict) and isinstance(call.get("function"), dict)
    ]
    return [ToolCall(known, word(called, "name"), as_text(called.get("arguments"))) for known, called in functions]


def word(fields: Json, name: str) -> str:
    """A member if it is a text, else an empty one."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _seconds(created: Any) -> int | None:
    """Seconds since 1970 of an RFC 3339 time; None for one that cannot be read, or is before 1970."""
    try:
        seconds = int(datetime.fromisoformat(created).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None
