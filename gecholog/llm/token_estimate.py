"""How many tokens a request has, roughly: for providers that do not count, and clients that want a number. Pure.

English has four characters a token, code and JSON a little less; texts in other scripts have up to one a character.
An estimate errs on the high side, for clients use it to stay below a limit.
"""

from __future__ import annotations

from gecholog.llm import json_text
from gecholog.llm.chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

_CHARACTERS = 3.5  # of ASCII, a token
_MESSAGE = 4  # tokens around each message
_TOOL = 12  # tokens around each tool
_IMAGE = 1600  # tokens of an image of the largest size that is not scaled down
_BASE64 = 40  # characters of a document or of sound in base64, a token


def estimate_tokens(request: ChatRequest) -> int:
    """The tokens of the prompt of a request."""
    messages = sum(_MESSAGE + sum(map(_part, message.parts)) for message in request.messages)
    return max(1, round(messages + sum(map(_tool, request.tools))))


def _text(text: str) -> float:
    ascii_only = len(text.encode("ascii", "ignore"))
    return ascii_only / _CHARACTERS + (len(text) - ascii_only)


def _tool(tool: Tool) -> float:
    schema = json_text.dumps(tool.parameters or {}).decode()
    return _TOOL + _text(tool.name) + _text(tool.description) + _text(schema)


def _part(part: Part) -> float:
    match part:
        case Text() | Refusal() | Reasoning():
            return _text(part.text)
        case Image():
            return _IMAGE
        case Audio():
            return len(part.data) / _BASE64
        case File():
            return _text(part.text) + len(part.data) / _BASE64
        case ToolCall():
            return _MESSAGE + _text(part.name) + _text(part.arguments)
        case ToolResult():
            return _MESSAGE + sum(map(_part, part.parts))
