"""Reads answers of Gemini's generateContent into the neutral form."""

from __future__ import annotations

from gecholog.llm.chat import ChatResponse, Choice, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.dialects.gemini.parts import candidates_of, finish_of, finish_of_prompt, parts_of, word
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.usage import usage_of


def read_response(answer: Json) -> ChatResponse:
    """The neutral form of an answer. Raises InvalidResponseError."""
    choices = tuple(map(_choice, candidates_of(answer)))
    if not choices and (blocked := finish_of_prompt(answer)) is not None:
        choices = (Choice((), blocked.reason, native_reason=blocked.native),)
    if not choices:
        raise InvalidResponseError("the answer has no candidates")
    return ChatResponse(choices, word(answer, "responseId"), word(answer, "modelVersion"), usage=usage_of(answer))


def _choice(candidate: Json) -> Choice:
    parts = tuple(parts_of(candidate))
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    finish = finish_of(candidate, has_calls=has_calls)
    return Choice(parts, finish.reason, native_reason=finish.native)
