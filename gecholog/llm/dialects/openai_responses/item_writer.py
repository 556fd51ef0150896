"""Writes the conversation of a request for responses as items."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import Audio, File, Image, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from gecholog.llm.checked import Json
from gecholog.llm.data_url import data_url
from gecholog.llm.dialects.openai_responses.item_reader import NAME
from gecholog.llm.documents import titled_text, with_contexts_as_texts
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.tool_failure import failure_text


def items_of(messages: tuple[Message, ...]) -> list[Json]:
    """The items of a conversation, in its order. Raises UnsupportedParameterError for what has no item."""
    return [item for message in messages for item in _items(message)]


def _items(message: Message) -> list[Json]:
    items: list[Json] = []
    content: list[Json] = []  # of the message that is being put together
    for part in with_contexts_as_texts(message.parts):
        if (item := _item(part)) is not None:
            items.append(item)
            content = []
        elif message.role is Role.ASSISTANT and isinstance(part, Text | Refusal):
            if part.text:  # a message of its own: only OpenAI's own messages, which have ids, may have lists
                items.append({"type": "message", "role": "assistant", "content": part.text})
        elif (written := _content(part)) is not None:
            if not content:
                items.append({"type": "message", "role": message.role.value, "content": content})
            content.append(written)
    return items


def _item(part: Part) -> Json | None:
    """The item for a part that is an item of its own; None for a part of a message."""
    match part:
        case ToolCall():
            arguments = part.arguments or "{}"
            return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}
        case ToolResult():
            return {"type": "function_call_output", "call_id": part.call_id, "output": _output(part)}
        case Reasoning() if takes_thought(part):
            summary = [{"type": "summary_text", "text": part.text}] if part.text else []
            item: Json = {"type": "reasoning", "summary": summary}
            known: Json = {"id": part.id} if part.id else {}
            return known | item | ({"encrypted_content": part.signature} if part.signature else {})
    return None


def takes_thought(part: Reasoning) -> bool:
    """Whether OpenAI takes a thought back: it is its own."""
    return part.origin == NAME and bool(part.signature or part.id)


def _output(result: ToolResult) -> Any:
    """The output of a call: a single text as a string. A failure is told in the text: there is no field for it."""
    parts = with_contexts_as_texts(result.parts)
    if result.is_error:
        words = "".join(part.text for part in parts if isinstance(part, Text))
        parts = [Text(failure_text(words)), *(part for part in parts if not isinstance(part, Text))]
    written = [one for part in parts if (one := _content(part)) is not None]
    is_text = len(written) == 1 and written[0]["type"] == "input_text"
    return written[0]["text"] if is_text else written or ""


def _content(part: Part) -> Json | None:
    """A part of a message; None for an empty text, and for thoughts that OpenAI cannot use."""
    match part:
        case Text(text):
            return {"type": "input_text", "text": text} if text else None
        case Image():
            return _image(part)
        case File():
            return _file(part)
        case Audio():
            raise UnsupportedParameterError("input_audio", "input_audio is not supported by responses")
    return None


def _image(part: Image) -> Json:
    written: Json = {"type": "input_image", "detail": part.detail or "auto"}
    if part.file_id:
        return written | {"file_id": part.file_id}
    return written | {"image_url": part.url or data_url(part.media_type, part.data)}


def _file(part: File) -> Json:
    if part.text:
        return {"type": "input_text", "text": titled_text(part)}
    name: Json = {"filename": part.name} if part.name else {}
    if part.file_id:
        return {"type": "input_file", "file_id": part.file_id}
    if part.url:
        return {"type": "input_file", "file_url": part.url} | name
    name = name or {"filename": "file"}  # the API wants one beside the bytes
    return {"type": "input_file", "file_data": data_url(part.media_type or "application/pdf", part.data)} | name
