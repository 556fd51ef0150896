"""Parts of Gemini's answers, in the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import Audio, FinishReason, Image, Part, Reasoning, Text, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.dialects.gemini.names import NAME
from gecholog.llm.finish import Finish, read_finish
from gecholog.llm.tool_arguments import as_text

_FILTERED, _FAILED = FinishReason.CONTENT_FILTER, FinishReason.FAILED
# By name, and by the number that some servers send (https://ai.google.dev/api/generate-content#FinishReason). Numbers
# from 6 on are others on Vertex AI than on Gemini's API, and mean that something was held back on both.
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
    **dict.fromkeys(range(6, 12), _FILTERED),
    "OTHER": _FAILED,
    5: _FAILED,
    "MALFORMED_FUNCTION_CALL": _FAILED,
    "UNEXPECTED_TOOL_CALL": _FAILED,
    12: _FAILED,
    "TOO_MANY_TOOL_CALLS": _FAILED,
    13: _FAILED,
    "MALFORMED_RESPONSE": _FAILED,
    "MISSING_THOUGHT_SIGNATURE": _FAILED,
    "NO_IMAGE": _FAILED,
    "IMAGE_OTHER": _FAILED,
}
_UNKNOWN = ("FINISH_REASON_UNSPECIFIED", 0)


def finish_of(candidate: Json, *, has_calls: bool) -> Finish:
    """Why a candidate ended; without a reason if it did not. Gemini says `STOP` of calls too."""
    told = candidate.get("finishReason")
    return Finish() if told is None or told in _UNKNOWN else read_finish(_REASONS, told, has_calls=has_calls)


def finish_of_prompt(answer: Json) -> Finish | None:
    """Why there is no answer to a prompt that was held back; None if it was not."""
    feedback = answer.get("promptFeedback")
    blocked = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return Finish(FinishReason.CONTENT_FILTER, str(blocked)) if blocked else None


def candidates_of(answer: Json) -> list[Json]:
    """The candidates of an answer, or of a chunk of one."""
    found = answer.get("candidates")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def has_calls(answer: Json) -> bool:
    """Tell quickly whether a chunk of an answer may have function calls. One of another form than usual may."""
    try:
        for candidate in answer["candidates"]:
            for part in candidate["content"]["parts"]:
                if "functionCall" in part:
                    return True
    except (KeyError, TypeError):
        return True
    return False


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
