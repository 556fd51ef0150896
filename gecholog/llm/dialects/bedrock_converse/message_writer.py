"""Writes the conversation of a request for Bedrock Converse from the neutral form."""

from __future__ import annotations

import base64
import hashlib
import re

from gecholog.llm.chat import (
    Audio,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gecholog.llm.chat_dialect import Target
from gecholog.llm.checked import Json
from gecholog.llm.dialects.claude_thinking import ORIGIN
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.inline_image import inline_image
from gecholog.llm.tool_arguments import as_object
from gecholog.llm.turns import Turn, system_texts, turns_of

_CACHE_TIMES = ("5m", "1h")
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9 \-()\[\]]+")
_LONGEST_ID = 64
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_.:-]")


class MessageWriter:
    """Writes messages for a target. `takes_cache_points`: its model has prompt caching."""

    def __init__(self, target: Target, *, takes_cache_points: bool) -> None:
        self._target = target
        self._takes_cache_points = takes_cache_points
        self._documents = 0

    def system(self, messages: tuple[Message, ...]) -> list[Json]:
        """The system texts of a conversation, wherever they stand."""
        return [block for part in system_texts(messages) for block in self._blocks(part)]

    def messages(self, messages: tuple[Message, ...]) -> list[Json]:
        """The turns of a conversation without its system texts. Raises UnsupportedParameterError."""
        written = [self._message(turn) for turn in turns_of(messages)]
        return [message for message in written if message["content"]]

    def _message(self, turn: Turn) -> Json:
        content = [block for part in (*turn.results, *turn.parts) for block in self._blocks(part)]
        return {"role": turn.role.value, "content": content}

    def _blocks(self, part: Part) -> list[Json]:
        """The blocks of a part; none for an empty text, and for thoughts that Claude did not sign."""
        blocks = self._plain(part)
        mark = _mark_of(part) if self._takes_cache_points else None
        return [*blocks, cache_point(mark)] if blocks and mark is not None else blocks

    def _plain(self, part: Part) -> list[Json]:
        match part:
            case Text(text) | Refusal(text):
                return [{"text": text}] if text else []
            case Image():
                return [self._image(part)]
            case File():
                return [self._document(part)]
            case Audio():
                raise UnsupportedParameterError("input_audio", "input_audio is not supported by Bedrock")
            case Reasoning():
                return _thoughts(part)
            case ToolCall():
                call = {"toolUseId": _id(part.id), "name": part.name, "input": as_object(part.arguments)}
                return [{"toolUse": call}]
            case ToolResult():
                return [self._result(part)]

    def _result(self, part: ToolResult) -> Json:
        content = [block for inner in part.parts for block in self._plain(inner)]
        result: Json = {"toolUseId": _id(part.call_id), "content": content or [{"text": "(no output)"}]}
        return {"toolResult": result | ({"status": "error"} if part.is_error else {})}

    def _image(self, part: Image) -> Json:
        found = inline_image(part, self._target)
        form = _IMAGES.get(found.media_type)
        if form is None:
            raise UnsupportedParameterError(
                "image_url", f"an image of type {found.media_type} is not supported by Bedrock"
            )
        return {"image": {"format": form, "source": {"bytes": found.data}}}

    def _document(self, part: File) -> Json:
        if part.url or part.file_id:
            raise UnsupportedParameterError(
                "file", "a file by its URL or id is not supported by Bedrock: send its bytes"
            )
        form = _DOCUMENTS.get(part.media_type or ("text/plain" if part.text else "application/pdf"))
        if form is None:
            raise UnsupportedParameterError("file", f"a file of type {part.media_type} is not supported by Bedrock")
        data = base64.b64encode(part.text.encode("utf-8", "replace")).decode() if part.text else part.data
        self._documents += 1
        name = _NOT_IN_NAMES.sub(" ", part.name).strip()[:180]
        document: Json = {
            "format": form,
            "name": f"{name} {self._documents}" if name else f"document {self._documents}",
            "source": {"bytes": data},
        }
        if part.context:
            document["context"] = part.context
        if part.is_cited:
            document["citations"] = {"enabled": True}
        return {"document": document}


def _mark_of(part: Part) -> Json | None:
    """The mark of a part; of a result, which has no place for those inside of it, the last one of them."""
    inner = part.parts if isinstance(part, ToolResult) else ()
    marks = [getattr(each, "cache_control", None) for each in (part, *reversed(inner))]
    return next((mark for mark in marks if mark is not None), None)


def cache_point(mark: Json) -> Json:
    """The block that stands for Anthropic's mark, with the time to live that it asks for."""
    point: Json = {"type": "default"}
    if mark.get("ttl") in _CACHE_TIMES:
        point["ttl"] = mark["ttl"]
    return {"cachePoint": point}


def takes_thought(part: Reasoning) -> bool:
    """Whether Claude takes a thought back: it has signed it."""
    return part.origin == ORIGIN and bool(part.signature)


def _id(known: str) -> str:
    """An id as the API takes it; of one that it does not take, a digest."""
    if known and len(known) <= _LONGEST_ID and not _NOT_IN_IDS.search(known):
        return known
    return f"call_{hashlib.sha256(known.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _thoughts(part: Reasoning) -> list[Json]:
    if not takes_thought(part):
        return []
    if part.is_redacted:
        return [{"reasoningContent": {"redactedContent": part.signature}}]
    return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}]
