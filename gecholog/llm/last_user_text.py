"""Extracts the last message of the user from a request. Pure."""

from __future__ import annotations

from typing import Any

from gecholog import lenient
from gecholog.errors import NotJson


def last_user_text(body: bytes) -> str:
    """The text of the user's last message in a request of OpenAI's or Anthropic's APIs; empty if there is none."""
    try:
        value = lenient.loads(body)
    except NotJson:
        return ""
    if not isinstance(value, dict):
        return ""
    for name in ("messages", "input", "prompt"):
        said = value.get(name)
        if isinstance(said, str):
            return said
        if isinstance(said, list):
            return _last(said)
    return ""


def _last(messages: list[Any]) -> str:
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text(message.get("content"))
    return ""


def _text(content: Any) -> str:
    """The texts of a message's content, a line each; parts that are no text have none."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))
