"""Hints inside of messages and tools, which the API of a provider may have no field for. Pure."""

from __future__ import annotations

from gecholog.llm.chat import ChatRequest, Image, Tool, ToolResult

CACHE_CONTROL = "cache_control"
NAME = "messages.name"
DETAIL = "image_url.detail"
STRICT = "function.strict"

_DEFAULT_DETAIL = ("", "auto")


def nested_hints(request: ChatRequest) -> frozenset[str]:
    """The hints that a request has, by their names in chat completions.

    They are marks for prompt caching, the name of the speaker, the detail of an image, and strict schemas of tools. A
    field with its default value is not a hint.
    """
    found: set[str] = set()
    for tool in request.tools:
        _add_tool(found, tool)
    for message in request.messages:
        if message.name:
            found.add(NAME)
        for part in message.parts:
            inner = part.parts if isinstance(part, ToolResult) else ()
            for item in (part, *inner):
                if getattr(item, CACHE_CONTROL, None) is not None:
                    found.add(CACHE_CONTROL)
                if isinstance(item, Image) and item.detail not in _DEFAULT_DETAIL:
                    found.add(DETAIL)
    return frozenset(found)


def lost_hints(request: ChatRequest, *kept: str) -> list[str]:
    """The hints of a request that an API loses which has fields for those in `kept` only, sorted."""
    return sorted(nested_hints(request).difference(kept))


def _add_tool(found: set[str], tool: Tool) -> None:
    if tool.strict:
        found.add(STRICT)
    if tool.cache_control is not None:
        found.add(CACHE_CONTROL)
