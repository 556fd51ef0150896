"""Checks of the messages of a request to Anthropic's API, and of their blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from services.dummy.anthropic.form import CACHE, NAME, cache, fields, listed, text, wrong
from services.dummy.fields import JsonBody

# What a block of a message must have and may have, by its type.
_BLOCKS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "text": (frozenset({"text"}), CACHE | {"citations"}),
    "image": (frozenset({"source"}), CACHE | {"transformations"}),
    "document": (frozenset({"source"}), CACHE | {"citations", "context", "title"}),
    "tool_use": (frozenset({"id", "input", "name"}), CACHE | {"caller", "toolset_name"}),
    "tool_result": (frozenset({"tool_use_id"}), CACHE | {"content", "is_error", "toolset_name"}),
    "thinking": (frozenset({"signature", "thinking"}), frozenset()),
    "redacted_thinking": (frozenset({"data"}), frozenset()),
}
# Blocks of tools that run at Anthropic. They are not looked into.
_OF_SERVER_TOOLS = re.compile(
    r"[a-z_]+_tool_(?:use|result)|server_tool_use|search_result|tool_reference|container_upload"
)
_ONLY = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
    "image": "user",
    "document": "user",
}
_SOURCES = {
    "base64": frozenset({"data", "media_type"}),
    "url": frozenset({"url"}),
    "file": frozenset({"file_id"}),
    "text": frozenset({"data", "media_type"}),
    "content": frozenset({"content"}),
}
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_ID = re.compile(r"[a-zA-Z0-9_-]+")


def check(body: JsonBody) -> None:
    """Check messages and system text. Raises ApiError."""
    _system(body)
    for index, message in enumerate(listed(body["messages"], "messages")):
        _message(message, f"messages.{index}")


def _message(message: Any, where: str) -> None:
    fields(message, where, {"role", "content"}, ())
    role, content = message["role"], message["content"]
    if role not in ("user", "assistant"):
        raise wrong(f"{where}.role", "Input should be 'user' or 'assistant'")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise wrong(f"{where}.content", "Input should be a valid list")
    for index, block in enumerate(content):
        kind = _block(block, f"{where}.content.{index}")
        if _ONLY.get(kind, role) != role:
            raise wrong(where, f"`{kind}` blocks can only be in `{_ONLY[kind]}` messages")


def _block(block: Any, where: str, allowed: Iterable[str] = _BLOCKS) -> str:
    """Check a block, and return its type."""
    if not isinstance(block, dict):
        raise wrong(where, "Input should be a valid dictionary or object to extract fields from")
    kind = block.get("type")
    if kind is None:
        raise wrong(f"{where}.type", "Field required")
    if isinstance(kind, str) and kind not in _BLOCKS and _OF_SERVER_TOOLS.fullmatch(kind):
        return kind
    if not isinstance(kind, str) or kind not in allowed:
        tags = ", ".join(repr(one) for one in allowed)
        problem = f"Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}"
        raise wrong(where, problem)
    place = f"{where}.{kind}"
    fields(block, place, {"type", *_BLOCKS[kind][0]}, _BLOCKS[kind][1])
    for name in ("text", "thinking", "signature", "data", "id", "name", "tool_use_id"):
        if name in block:
            text(block[name], f"{place}.{name}")
    cache(block, place)
    _INSIDE.get(kind, lambda _block, _place: None)(block, place)
    return str(kind)


def _source(block: JsonBody, place: str) -> None:
    source = block["source"]
    kind = source.get("type") if isinstance(source, dict) else None
    if not isinstance(kind, str) or kind not in _SOURCES:
        raise wrong(f"{place}.source", "Input should be a valid source")
    fields(source, f"{place}.source.{kind}", {"type", *_SOURCES[kind]}, ())
    if kind == "base64" and block["type"] == "image" and source["media_type"] not in _IMAGES:
        names = ", ".join(repr(name) for name in _IMAGES[:-1])
        raise wrong(f"{place}.source.base64.media_type", f"Input should be {names} or '{_IMAGES[-1]}'")


def _tool_use(block: JsonBody, place: str) -> None:
    if not isinstance(block["input"], dict):
        raise wrong(f"{place}.input", "Input should be a valid dictionary")
    if not _ID.fullmatch(block["id"]):
        raise wrong(f"{place}.id", f"String should match pattern '^{_ID.pattern}$'")
    if not NAME.fullmatch(block["name"]):
        raise wrong(f"{place}.name", f"String should match pattern '^{NAME.pattern}$'")


def _tool_result(block: JsonBody, place: str) -> None:
    content = block.get("content", "")
    if not isinstance(block.get("is_error", False), bool):
        raise wrong(f"{place}.is_error", "Input should be a valid boolean")
    if isinstance(content, str):
        return
    for index, inner in enumerate(listed(content, f"{place}.content")):
        _block(inner, f"{place}.content.{index}", ("text", "image", "document"))


_INSIDE = {"image": _source, "document": _source, "tool_use": _tool_use, "tool_result": _tool_result}


def _system(body: JsonBody) -> None:
    system = body.get("system", "")
    if isinstance(system, str):
        return
    for index, block in enumerate(listed(system, "system")):
        _block(block, f"system.{index}", ("text",))
