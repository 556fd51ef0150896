"""One text or several, as `prompt` and `input` hold them: a string, a list of strings, or token numbers."""

from __future__ import annotations

from typing import Any

from services.dummy import fields
from services.dummy.fields import Body

MOST = 2048  # texts in one request, as many as OpenAI takes


def of(body: Body, name: str) -> list[str]:
    """The texts in field `name`. Raises Refusal."""
    value = fields.required(body, name)
    listed = value if _is_several(value) else [value]
    if not 0 < len(listed) <= MOST:
        raise fields.wrong(name, f"from 1 to {MOST} texts")
    return [_text(item, name) for item in listed]


def _is_several(value: Any) -> bool:
    return isinstance(value, list) and not _is_tokens(value)


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def _text(item: Any, name: str) -> str:
    """A text; of token numbers, which we have no vocabulary for, their digits: one token each."""
    if isinstance(item, str):
        return item
    if _is_tokens(item):
        return " ".join(map(str, item))
    raise fields.wrong(name, "a string, a list of strings, or lists of token numbers")
