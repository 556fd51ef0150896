"""A system prompt for requests that have none, put into their bytes. Pure."""

from __future__ import annotations

from typing import Any

from gecholog import lenient, rawjson
from gecholog.errors import NotJson
from gecholog.llm import splice
from gecholog.llm.request import members

_SYSTEM = frozenset({"system", "developer"})


def with_system_prompt(body: bytes, endpoint: str, prompt: str) -> bytes:
    """A request with a system prompt if it has none of its own; unchanged if it has, or cannot be read.

    `endpoint` is that of the API: chat completions take a message at the front, Responses `instructions`, Anthropic's
    Messages `system`.
    """
    try:
        value = lenient.loads(body)
    except NotJson:
        return body
    if not isinstance(value, dict):
        return body
    match endpoint:
        case "chat/completions":
            messages = value.get("messages")
            is_list = isinstance(messages, list)
            return _in_front(body, prompt) if is_list and not _has_system(messages) else body
        case "responses":
            is_told = value.get("instructions") is not None or _has_system(value.get("input"))
            return body if is_told else _member(body, value, b'"instructions"', prompt)
        case "messages":
            return body if value.get("system") is not None else _member(body, value, b'"system"', prompt)
    return body


def _has_system(messages: Any) -> bool:
    """Whether one of the messages is a system's. The input of Responses may be a text as well."""
    listed = messages if isinstance(messages, list) else []
    return any(isinstance(message, dict) and message.get("role") in _SYSTEM for message in listed)


def _in_front(body: bytes, prompt: str) -> bytes:
    """A request with a system message before all others."""
    old = _messages_of(body)
    if not old:
        return body
    message = rawjson.dumps({"role": "system", "content": prompt})
    rest = old[1:]
    comma = b"" if rest.lstrip(b" \t\r\n").startswith(b"]") else b","
    return splice.replaced(body, splice.Member(b'"messages"', _messages_of), old, b"[" + message + comma + rest)


def _messages_of(body: bytes) -> bytes | None:
    found = members(body)
    return None if found is None else bytes(found.messages)


def _member(body: bytes, value: dict[str, Any], name: bytes, prompt: str) -> bytes:
    return splice.appended(body, name, rawjson.dumps(prompt)) if value else body
