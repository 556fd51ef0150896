"""Writes the conversation of a request for Gemini from the neutral form.

The API wants system texts apart, and the results of calls in a content of their own right after the calls, one for
each, by the names of the tools.
"""

from __future__ import annotations

import base64
from contextlib import suppress

from gecholog.errors import NotJson
from gecholog.llm import json_text
from gecholog.llm.chat import (
    Audio,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from gecholog.llm.chat_dialect import Target
from gecholog.llm.checked import Json
from gecholog.llm.dialects.gemini.names import NAME, wants_signatures
from gecholog.llm.documents import with_contexts_as_texts
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.inline_image import inline_image
from gecholog.llm.tool_arguments import as_object
from gecholog.llm.turns import Turn, system_texts, turns_of

# For calls that another model made (https://ai.google.dev/gemini-api/docs/thought-signatures).
_NO_SIGNATURE = "skip_thought_signature_validator"
_OF_GOOGLE = ("gs://", "https://generativelanguage.googleapis.com/", "https://www.youtube.com/", "https://youtu.be/")


def system_of(messages: tuple[Message, ...]) -> Json | None:
    """The system texts of a conversation, wherever they stand."""
    texts = [{"text": part.text} for part in system_texts(messages)]
    return {"parts": texts} if texts else None


def contents_of(messages: tuple[Message, ...], target: Target) -> list[Json]:
    """The turns of a conversation without its system texts. Raises UnsupportedParameterError for what has no part."""
    writer = _Writer(target)
    contents = [content for turn in turns_of(messages) for content in writer.contents(turn)]
    return [{"role": role, "parts": parts} for role, parts in contents if parts]


class _Writer:
    """Writes parts, and remembers the calls whose results are to come."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._names: dict[str, str] = {}  # of tools, by the ids of calls
        self._order: dict[str, int] = {}  # of calls, by their ids
        self._wants_signatures = wants_signatures(target.model)

    def contents(self, turn: Turn) -> list[tuple[str, list[Json]]]:
        """The contents of a turn: the results in the order of their calls, and the rest with the results' images."""
        if turn.role is Role.ASSISTANT:
            return [("model", self._model_parts(turn.parts))]
        results = sorted(turn.results, key=lambda part: self._order.get(part.call_id, len(self._order)))
        images = [inner for part in results for inner in part.parts if not isinstance(inner, Text)]
        parts = with_contexts_as_texts((*images, *turn.parts))
        said = [written for part in parts for written in self._parts(part)]
        return [("user", [self._result(part) for part in results]), ("user", said)]

    def _model_parts(self, parts: tuple[Part, ...]) -> list[Json]:
        written = [each for part in with_contexts_as_texts(parts) for each in self._parts(part)]
        if self._wants_signatures:
            first = next((part for part in written if "functionCall" in part), None)
            if first is not None:
                first.setdefault("thoughtSignature", _NO_SIGNATURE)
        return written

    def _parts(self, part: Part) -> list[Json]:
        """The parts that one of the neutral form is; none for an empty text, and for thoughts of other providers."""
        match part:
            case Text(text) | Refusal(text):
                return [{"text": text}] if text else []
            case ToolCall():
                return [self._call(part)]
            case Reasoning():
                return _thought(part)
            case Image():
                return [self._image(part)]
            case Audio():
                return [_inline(part.media_type, part.data)]
            case File():
                return [_file(part)]
        return []

    def _call(self, part: ToolCall) -> Json:
        self._names[part.id] = part.name
        self._order[part.id] = len(self._order)
        written: Json = {"functionCall": {"name": part.name, "args": as_object(part.arguments)}}
        if part.signature and part.origin == NAME:
            written["thoughtSignature"] = part.signature
        return written

    def _result(self, part: ToolResult) -> Json:
        words = "\n".join(inner.text for inner in part.parts if isinstance(inner, Text))
        name = part.name or self._names.get(part.call_id, "")
        if not name:
            message = f"the result of the tool call {part.call_id} has no call before it, which would tell its tool"
            raise UnsupportedParameterError("messages", message)
        return {"functionResponse": {"name": name, "response": _response(words, is_error=part.is_error)}}

    def _image(self, part: Image) -> Json:
        if part.url.startswith(_OF_GOOGLE):
            return {"fileData": {"fileUri": part.url}}
        found = inline_image(part, self._target)
        return _inline(found.media_type, found.data)


def _response(words: str, *, is_error: bool) -> Json:
    """A result as the object that the API wants: itself if it is one."""
    if is_error:
        return {"error": words}
    if words.lstrip()[:1] == "{":
        with suppress(NotJson):
            value: Json = json_text.loads(words)
            return value
    return {"result": words}


def takes_thought(part: Reasoning) -> bool:
    """Whether Gemini takes a thought back: it is its own."""
    return part.origin == NAME


def _thought(part: Reasoning) -> list[Json]:
    if not takes_thought(part):
        return []
    if not part.text:
        return [{"text": "", "thoughtSignature": part.signature}] if part.signature else []
    return [{"text": part.text, "thought": True} | ({"thoughtSignature": part.signature} if part.signature else {})]


def _inline(media_type: str, data: str) -> Json:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _file(part: File) -> Json:
    if part.url.startswith(_OF_GOOGLE):
        return {"fileData": {"fileUri": part.url}}
    if part.url or part.file_id:
        raise UnsupportedParameterError("file", "a file by its URL or id is not supported by Gemini: send its bytes")
    if part.text:
        return _inline("text/plain", base64.b64encode(part.text.encode("utf-8", "replace")).decode())
    return _inline(part.media_type or "application/pdf", part.data)
