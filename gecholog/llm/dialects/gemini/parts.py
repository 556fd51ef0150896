"""Parts of Gemini's answers, in the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import Audio, FinishReason, Image, Part, Reasoning, Text, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.dialects.gemini.names import NAME
from gecholog.llm.tool_arguments import as_text

_FILTERED = FinishReason.CONTENT_FILTER
# By name, and by the number that some servers send (https://ai.google.dev/api/generate-content#FinishReason).
_REASONS: dict[str | int, FinishReason] = {
    "STOP": FinishReason.STOP,
    1: FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    2: FinishReason.LENGTH,
    "SAFETY": _FILTERED,
    3: _FILTERED,
    "RECITATION": _FILTERED,
    4: _FILTERED,
    "LANGUAGE": _FILTERED,
    "BLOCKLIST": _FILTERED,
    "PROHIBITED_CONTENT": _FILTERED,
    "SPII": _FILTERED,
    "MODEL_ARMOR": _FILTERED,
    "IMAGE_SAFETY": _FILTERED,
    "IMAGE_PROHIBITED_CONTENT": _FILTERED,
    "IMAGE_RECITATION": _FILTERED,
}
_UNKNOWN = ("FINISH_REASON_UNSPECIFIED", 0)


def finish_reason(candidate: Json, *, has_calls: bool) -> FinishReason | None:
    """Why a candidate ended; None if it did not. Gemini says `STOP` of calls too."""
    told = candidate.get("finishReason")
    if told is None or told in _UNKNOWN:
        return None
    known = _REASONS.get(told) if isinstance(told, str | int) else None
    reason = known or FinishReason.STOP
    return FinishReason.TOOL_CALLS if has_calls and reason is FinishReason.STOP else reason


def is_blocked(answer: Json) -> bool:
    """Tell whether the prompt was held back: there are no candidates then."""
    feedback = answer.get("promptFeedback")
    return isinstance(feedback, dict) and bool(feedback.get("blockReason"))


def candidates_of(answer: Json) -> list[Json]:
    """The candidates of an answer, or of a chunk of one."""
    found = answer.get("candidates")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def parts_of(candidate: Json) -> list[Part]:
    """The parts of a candidate. Code that Gemini ran itself has no place elsewhere."""
    content = candidate.get("content")
    found = content.get("parts") if isinstance(content, dict) else None
    written = [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []
    return [part for each in written for part in _parts(each)]


def _parts(part: Json) -> list[Part]:
    signature = word(part, "thoughtSignature") or word(part, "thought_signature")
    match part:
        case {"functionCall": dict(call)}:
            arguments = as_text(call.get("args"))
            return [ToolCall(word(call, "id"), word(call, "name"), arguments, signature, NAME if signature else "")]
        case {"inlineData": {"mimeType": str(kind), "data": str(data)}}:
            return [Audio(data, kind) if kind.startswith("audio/") else Image(data, kind)]
        case {"text": str(text)} if part.get("thought"):
            return [Reasoning(text, signature, NAME)] if text or signature else []
        case {"text": str(text)}:
            signed: list[Part] = [Reasoning(signature=signature, origin=NAME)] if signature else []
            return [Text(text), *signed] if text else signed
    return []


def index_of(candidate: Json) -> int:
    """The number of a candidate."""
    index: Any = candidate.get("index")
    return index if type(index) is int and index >= 0 else 0


def word(fields: Json, name: str) -> str:
    """A member if it is a text, else an empty one."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""
