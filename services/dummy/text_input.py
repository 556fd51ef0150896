"""Reads `prompt` and `input`, which may be a string, a list of strings, or token numbers."""

from __future__ import annotations

from typing import Any

from services.dummy import fields
from services.dummy.fields import JsonBody

MAX_TEXTS = 2048  # as OpenAI


def of(body: JsonBody, name: str) -> list[str]:
    """Return the texts in field `name`. Raises ApiError."""
    value = fields.required(body, name)
    listed = value if _is_several(value) else [value]
    if not 0 < len(listed) <= MAX_TEXTS:
        raise fields.wrong(name, f"from 1 to {MAX_TEXTS} texts")
    return [_text(item, name) for item in listed]


def _is_several(value: Any) -> bool:
    return isinstance(value, list) and not _is_tokens(value)


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def _text(item: Any, name: str) -> str:
    """Return a text. Token numbers become their digits, one token each, because there is no vocabulary."""
    if isinstance(item, str):
        return item
    if _is_tokens(item):
        return " ".join(map(str, item))
    raise fields.wrong(name, "a string, a list of strings, or lists of token numbers")
