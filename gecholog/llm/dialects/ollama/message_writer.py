"""Writes the conversation of a request for Ollama from the neutral form: a text, images and calls a message."""

from __future__ import annotations

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
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.inline_image import inline_image
from gecholog.llm.tool_arguments import as_object
from gecholog.llm.tool_failure import failure_text

NAME = "ollama"


def messages_of(messages: tuple[Message, ...], target: Target) -> list[Json]:
    """The messages of a conversation. Raises UnsupportedParameterError for what has no place in one."""
    names = {part.id: part.name for message in messages for part in message.parts if isinstance(part, ToolCall)}
    return [written for message in messages for written in _messages(message, names, target)]


def _messages(message: Message, names: dict[str, str], target: Target) -> list[Json]:
    """The messages that one is: one for each result of a tool, and one with the rest."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    images = [inner for part in results for inner in part.parts if not isinstance(inner, Text)]
    others = (*images, *(part for part in message.parts if not isinstance(part, ToolResult)))
    written = [_result(part, names) for part in results]
    if others or not results:
        written.append(_message(message.role, others, target))
    return written


def _result(part: ToolResult, names: dict[str, str]) -> Json:
    words = "\n".join(inner.text for inner in part.parts if isinstance(inner, Text))
    written: Json = {"role": "tool", "content": failure_text(words) if part.is_error else words}
    if name := part.name or names.get(part.call_id, ""):
        written["tool_name"] = name
    if part.call_id:
        written["tool_call_id"] = part.call_id
    return written


def _message(role: Role, parts: tuple[Part, ...], target: Target) -> Json:
    for part in parts:
        if isinstance(part, Audio):
            raise UnsupportedParameterError("input_audio", "input_audio is not supported by Ollama")
        if isinstance(part, File):
            raise UnsupportedParameterError("file", "a file is not supported by Ollama: send its text")
    words = [part.text for part in parts if isinstance(part, Text | Refusal) and part.text]
    written: Json = {"role": role.value, "content": "\n".join(words)}
    thoughts = [part.text for part in parts if isinstance(part, Reasoning) and takes_thought(part)]
    if thoughts:
        written["thinking"] = "\n".join(thoughts)
    images = [inline_image(part, target).data for part in parts if isinstance(part, Image)]
    if images:
        written["images"] = images
    calls = [_call(part) for part in parts if isinstance(part, ToolCall)]
    if calls:
        written["tool_calls"] = calls
    return written


def takes_thought(part: Reasoning) -> bool:
    """Whether a thought is sent: one with a text, which no other provider has signed."""
    return part.origin in ("", NAME) and bool(part.text)


def _call(part: ToolCall) -> Json:
    written: Json = {"function": {"name": part.name, "arguments": as_object(part.arguments)}}
    return {"id": part.id} | written if part.id else written
