"""Reads answers of Cohere's chat into the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import ChatResponse, Choice, Citation, FinishReason, Part, Reasoning, Text, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.finish import Finish, read_finish
from gecholog.llm.tool_arguments import as_text
from gecholog.llm.usage import usage_of

FAILED = frozenset({"ERROR", "TIMEOUT"})
"""Finish reasons of answers that did not succeed."""

_FINISH_REASONS = {
    "COMPLETE": FinishReason.STOP,
    "STOP_SEQUENCE": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "TOOL_CALL": FinishReason.TOOL_CALLS,
    "ERROR_TOXIC": FinishReason.CONTENT_FILTER,
}


def read_response(answer: Json) -> ChatResponse:
    """The neutral form of an answer. Raises InvalidResponseError."""
    message = answer.get("message")
    if not isinstance(message, dict):
        raise InvalidResponseError("the answer has no message")
    if (reason := word(answer, "finish_reason")) in FAILED:
        raise InvalidResponseError(f"the model did not finish: {reason}")
    parts: list[Part] = []
    if plan := word(message, "tool_plan"):
        parts.append(Reasoning(plan))
    parts += _content(message)
    calls = [call for one in _listed(message, "tool_calls") if (call := tool_call(one)) is not None]
    finish = finish_of(answer, has_calls=bool(calls))
    choice = Choice((*parts, *calls), finish.reason, native_reason=finish.native)
    return ChatResponse((choice,), id=word(answer, "id"), usage=usage_of(answer))


def finish_of(fields: Json, *, has_calls: bool) -> Finish:
    """Why an answer ended. Calls come whole, whatever it says."""
    return Finish(FinishReason.TOOL_CALLS) if has_calls else read_finish(_FINISH_REASONS, fields.get("finish_reason"))


def tool_call(call: Json) -> ToolCall | None:
    """A call of a tool; None if it is no call of a function."""
    function = call.get("function")
    if not isinstance(function, dict):
        return None
    return ToolCall(word(call, "id"), word(function, "name"), as_text(function.get("arguments")) or "{}")


def citations_of(citation: Json) -> tuple[Citation, ...]:
    """The citations in a Cohere citation: one per source, which is a document or the result of a tool."""
    start, end = citation.get("start"), citation.get("end")
    place = (start, end) if type(start) is int and type(end) is int else (None, None)
    return tuple(
        Citation(word(document, "url"), word(document, "title") or word(source, "id"), "", *place)
        for source in _listed(citation, "sources")
        for document in (_object(source, "document"),)
    )


def content_index(citation: Json) -> int:
    """The part of the content that a citation belongs to."""
    index = citation.get("content_index")
    return index if type(index) is int else 0


def _content(message: Json) -> list[Part]:
    content = message.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    citations = _listed(message, "citations")
    parts: list[Part] = []
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(block, dict):
            continue
        if thinking := word(block, "thinking"):
            parts.append(Reasoning(thinking))
        if text := word(block, "text"):
            cited = [one for found in citations if content_index(found) == index for one in citations_of(found)]
            parts.append(Text(text, citations=tuple(cited)))
    return parts


def _listed(fields: Json, name: str) -> list[Json]:
    found = fields.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _object(fields: Json, name: str) -> Json:
    value: Any = fields.get(name)
    return value if isinstance(value, dict) else {}


def word(fields: Json, name: str) -> str:
    """A member if it is a text, else an empty one."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""
