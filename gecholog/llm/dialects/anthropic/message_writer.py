"""Writes the conversation of a request for Anthropic messages from the neutral form.

The API wants system texts apart, results of tools first in the message after their calls, texts that are not empty,
and ids of a few characters.
"""

from __future__ import annotations

import base64
import binascii
import re

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
from gecholog.llm.checked import Json
from gecholog.llm.dialects.anthropic.blocks import NAME
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.tool_arguments import as_object
from gecholog.llm.turns import Turn, system_texts, turns_of

_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


def system_of(messages: tuple[Message, ...]) -> str | list[Json]:
    """The system texts of a conversation, wherever they stand; empty if there are none."""
    texts = system_texts(messages)
    if len(texts) == 1 and texts[0].cache_control is None:
        return texts[0].text
    return [_text(part.text, part.cache_control) for part in texts]


def messages_of(messages: tuple[Message, ...]) -> list[Json]:
    """The turns of a conversation without its system texts. Raises UnsupportedParameterError for what has no block."""
    ids = _Ids()
    turns = turns_of(messages)
    written = [_message(turn, ids) for turn in turns]
    if turns and turns[-1].role is Role.ASSISTANT:
        _trim_prefill(written[-1]["content"])
    return [message for message in written if message["content"]]


def _message(turn: Turn, ids: _Ids) -> Json:
    content = [block for part in (*turn.results, *turn.parts) for block in _blocks(part, ids)]
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        return {"role": turn.role.value, "content": content[0]["text"]}
    return {"role": turn.role.value, "content": content}


def _trim_prefill(content: str | list[Json]) -> None:
    """The API does not take white space at the end of an answer that the model is to go on with."""
    if isinstance(content, list) and content and content[-1]["type"] == "text":
        content[-1]["text"] = content[-1]["text"].rstrip()


def _blocks(part: Part, ids: _Ids) -> list[Json]:
    """The content blocks of a part; none for an empty text, and for thoughts that another provider signed."""
    match part:
        case Text(text) if text:
            return [_text(text, part.cache_control)]
        case Refusal(text) if text:
            return [_text(text, None)]
        case Image():
            return [_marked(_image(part), part.cache_control)]
        case File():
            return [_marked(_document(part), part.cache_control)]
        case Audio():
            raise UnsupportedParameterError("input_audio", "input_audio is not supported: Claude does not take audio")
        case Reasoning():
            return _thinking(part)
        case ToolCall():
            block = {"type": "tool_use", "id": ids.of(part.id), "name": part.name, "input": as_object(part.arguments)}
            return [_marked(block, part.cache_control)]
        case ToolResult():
            return [_tool_result(part, ids)]
    return []


def _text(text: str, cache_control: Json | None) -> Json:
    return _marked({"type": "text", "text": text}, cache_control)


def _marked(block: Json, cache_control: Json | None) -> Json:
    if cache_control is not None:
        block["cache_control"] = cache_control
    return block


def _image(part: Image) -> Json:
    if part.file_id:
        raise UnsupportedParameterError("file_id", "an image by file_id is not supported: send its bytes or its URL")
    if part.url:
        return {"type": "image", "source": {"type": "url", "url": part.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": part.media_type, "data": part.data}}


def _document(part: File) -> Json:
    if part.file_id:
        raise UnsupportedParameterError("file_id", "a file by file_id is not supported: send its bytes")
    source: Json
    if part.url:
        source = {"type": "url", "url": part.url}
    elif part.text or part.media_type.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": part.text or _decoded(part.data)}
    else:
        source = {"type": "base64", "media_type": part.media_type or "application/pdf", "data": part.data}
    named = {
        "title": part.name or None,
        "context": part.context or None,
        "citations": {"enabled": True} if part.is_cited else None,
    }
    return {"type": "document", "source": source} | {name: value for name, value in named.items() if value is not None}


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise UnsupportedParameterError("file", f"the data of a file is not base64: {error}") from error


def takes_thought(part: Reasoning) -> bool:
    """Whether Claude takes a thought back: it has signed it."""
    return part.origin == NAME and bool(part.signature)


def _thinking(part: Reasoning) -> list[Json]:
    if not takes_thought(part):
        return []
    if part.is_redacted:
        return [{"type": "redacted_thinking", "data": part.signature}]
    return [{"type": "thinking", "thinking": part.text, "signature": part.signature}]


def _tool_result(part: ToolResult, ids: _Ids) -> Json:
    block: Json = {"type": "tool_result", "tool_use_id": ids.of(part.call_id)}
    content = [block for inner in part.parts for block in _blocks(inner, ids)]
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        block["content"] = content[0]["text"]
    elif content:
        block["content"] = content
    if part.is_error:
        block["is_error"] = True
    return _marked(block, part.cache_control)


class _Ids:
    """Ids of tool calls as the API takes them: other characters are replaced, and two ids never become one."""

    def __init__(self) -> None:
        self._written: dict[str, str] = {}
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}  # the last one of each id that several would become

    def of(self, known: str) -> str:
        """The id that stands for a client's."""
        if known not in self._written:
            base = wanted = _NOT_IN_IDS.sub("_", known) or "call"
            number = self._numbers.get(base, 1)
            while wanted in self._taken:
                number += 1
                wanted = f"{base}_{number}"
            self._numbers[base] = number
            self._taken.add(wanted)
            self._written[known] = wanted
        return self._written[known]
