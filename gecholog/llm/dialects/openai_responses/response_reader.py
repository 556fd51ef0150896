"""Reads responses of OpenAI into the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import (
    ChatResponse,
    Choice,
    Citation,
    FinishReason,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gecholog.llm.checked import Json
from gecholog.llm.dialects.openai_responses.item_reader import NAME
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.finish import Finish, read_finish
from gecholog.llm.tool_arguments import as_text
from gecholog.llm.usage import usage_of

_STATUSES = {
    "completed": FinishReason.STOP,
    "failed": FinishReason.FAILED,
    "cancelled": FinishReason.FAILED,
    "in_progress": FinishReason.FAILED,  # answers that are not waited for cannot be asked for
    "queued": FinishReason.FAILED,
}
_CAUSES = {
    "max_output_tokens": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "max_tool_calls": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}


def read_response(answer: Json) -> ChatResponse:
    """The neutral form of a response. Raises InvalidResponseError."""
    output = answer.get("output")
    if not isinstance(output, list):
        raise InvalidResponseError("the response has no output")
    if answer.get("status") == "failed":
        raise InvalidResponseError("the model did not finish: failed")
    parts = tuple(part for item in output if isinstance(item, dict) for part in parts_of(item))
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    has_refusal = any(isinstance(part, Refusal) for part in parts)
    finish = finish_of(answer, has_calls=has_calls, has_refusal=has_refusal)
    created = answer.get("created_at")
    seconds = int(created) if isinstance(created, int | float) and 0 < created < 2**40 else None
    known, model = word(answer, "id"), word(answer, "model")
    choice = Choice(parts, finish.reason, native_reason=finish.native)
    return ChatResponse((choice,), known, model, seconds, usage_of(answer), word(answer, "service_tier"))


def finish_of(answer: Json, *, has_calls: bool, has_refusal: bool) -> Finish:
    """Why a response ended, by its status, or by what made it incomplete."""
    status, details = answer.get("status"), answer.get("incomplete_details")
    if status == "incomplete":
        cause = details.get("reason") if isinstance(details, dict) else None
        return read_finish(_CAUSES, cause or "max_output_tokens")
    return read_finish(_STATUSES, status or "completed", has_calls=has_calls, has_refusal=has_refusal)


def parts_of(item: Json) -> list[Part]:
    """The parts that an item of the output is. Those of OpenAI's own tools have no place elsewhere."""
    match item.get("type"):
        case "message":
            content = item.get("content")
            listed = content if isinstance(content, list) else ()
            return [part for each in listed if isinstance(each, dict) for part in _content(each)]
        case "function_call":
            return [ToolCall(word(item, "call_id"), word(item, "name"), as_text(item.get("arguments")))]
        case "reasoning":
            return [Reasoning(reasoning_text(item), word(item, "encrypted_content"), NAME, word(item, "id"))]
        case "image_generation_call" if word(item, "result"):
            return [Image(data=word(item, "result"), media_type=f"image/{word(item, 'output_format') or 'png'}")]
    return []


def reasoning_text(item: Json) -> str:
    """The text of a reasoning item: of its summary, else of its content."""
    for name in ("summary", "content"):
        pieces = item.get(name)
        texts = [word(piece, "text") for piece in pieces if isinstance(piece, dict)] if isinstance(pieces, list) else []
        if any(texts):
            return "\n\n".join(texts)
    return ""


def citation_of(found: Any) -> Citation | None:
    """A citation of a page on the web; None for other annotations."""
    if not isinstance(found, dict) or found.get("type") != "url_citation":
        return None
    start, end = found.get("start_index"), found.get("end_index")
    return Citation(
        word(found, "url"),
        word(found, "title"),
        start=start if type(start) is int else None,
        end=end if type(end) is int else None,
    )


def word(fields: Json, name: str) -> str:
    """A member if it is a text, else an empty one."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _content(part: Json) -> list[Part]:
    match part.get("type"):
        case "output_text":
            listed = part.get("annotations")
            cited = map(citation_of, listed) if isinstance(listed, list) else ()
            return [Text(word(part, "text"), citations=tuple(one for one in cited if one is not None))]
        case "refusal":
            return [Refusal(word(part, "refusal"))]
    return []
