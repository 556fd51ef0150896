"""Writes the conversation of a request for Cohere from the neutral form."""

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
from gecholog.llm.checked import Json
from gecholog.llm.data_url import data_url
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.tool_failure import failure_text

NAME = "cohere"


def messages_of(messages: tuple[Message, ...]) -> list[Json]:
    """The messages of a conversation. Raises UnsupportedParameterError for what has no place in one."""
    return [written for message in messages for written in _messages(message)]


def _messages(message: Message) -> list[Json]:
    """The messages that one is: one for each result of a tool, and one with the rest.

    Results of tools are texts. Their images follow as the user's.
    """
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    images = [inner for part in results for inner in part.parts if not isinstance(inner, Text)]
    others = (*images, *(part for part in message.parts if not isinstance(part, ToolResult)))
    written = [_result(part) for part in results]
    if others or not results:
        written.append(_assistant(others) if message.role is Role.ASSISTANT else _said(message.role, others))
    return written


def _result(part: ToolResult) -> Json:
    words = "\n".join(inner.text for inner in part.parts if isinstance(inner, Text))
    content = failure_text(words) if part.is_error else words
    return {"role": "tool", "tool_call_id": part.call_id or part.name, "content": content}


def takes_thought(part: Reasoning) -> bool:
    """Whether a thought is sent: one with a text, which no other provider has signed."""
    return part.origin in ("", NAME) and bool(part.text)


def _said(role: Role, parts: tuple[Part, ...]) -> Json:
    content = [block for part in parts for block in _blocks(part)]
    return {"role": role.value, "content": _plain(content)}


def _assistant(parts: tuple[Part, ...]) -> Json:
    """A message of the model. What it thought before it called tools is its plan."""
    calls = [_call(part) for part in parts if isinstance(part, ToolCall)]
    thoughts = [part.text for part in parts if isinstance(part, Reasoning) and takes_thought(part)]
    content = [block for part in parts if not isinstance(part, Reasoning | ToolCall) for block in _blocks(part)]
    written: Json = {"role": "assistant"}
    if not calls:
        thinking = [{"type": "thinking", "thinking": text} for text in thoughts]
        return written | {"content": [*thinking, *content] if thinking else _plain(content)}
    if thoughts:
        written["tool_plan"] = "\n".join(thoughts)
    if content:
        written["content"] = _plain(content)
    return written | {"tool_calls": calls}


def _plain(content: list[Json]) -> list[Json] | str:
    """The content, as a text if it is only one, or none."""
    if len(content) == 1 and content[0]["type"] == "text":
        text: str = content[0]["text"]
        return text
    return content or ""


def _blocks(part: Part) -> list[Json]:
    match part:
        case Text(text) | Refusal(text):
            return [{"type": "text", "text": text}] if text else []
        case Image():
            return [_image(part)]
        case Audio():
            raise UnsupportedParameterError("input_audio", "input_audio is not supported by Cohere")
        case File():
            raise UnsupportedParameterError("file", "a file is not supported by Cohere: send its text")
    return []


def _image(part: Image) -> Json:
    url = data_url(part.media_type or "image/png", part.data) if part.data else part.url
    if not url:
        raise UnsupportedParameterError("file_id", "an image by file_id is not supported: send its bytes")
    return {"type": "image_url", "image_url": {"url": url} | ({"detail": part.detail} if part.detail else {})}


def _call(part: ToolCall) -> Json:
    function = {"name": part.name, "arguments": part.arguments or "{}"}
    return {"id": part.id or part.name, "type": "function", "function": function}
