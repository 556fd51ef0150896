"""Hints inside of messages and tools, which a provider's API may have no field for. Pure."""

from __future__ import annotations

from gecholog.llm.chat import ChatRequest, Image, ToolResult

NAME = "messages.name"
DETAIL = "image_url.detail"
STRICT = "function.strict"

_USUAL_DETAIL = ("", "auto")


def nested_hints(request: ChatRequest) -> frozenset[str]:
    """The hints of these that a request has, by their names in chat completions.

    They are the name of who speaks, how closely to look at an image, and that calls keep to the schema of their tool.
    What a field says that is not there is no hint.
    """
    found: set[str] = set()
    if any(tool.strict for tool in request.tools):
        found.add(STRICT)
    for message in request.messages:
        if message.name:
            found.add(NAME)
        for part in message.parts:
            inner = part.parts if isinstance(part, ToolResult) else (part,)
            if any(isinstance(item, Image) and item.detail not in _USUAL_DETAIL for item in inner):
                found.add(DETAIL)
    return frozenset(found)


def lost_hints(request: ChatRequest, *kept: str) -> list[str]:
    """The hints of a request that are lost at an API that has fields for those in `kept`, in the order of the names."""
    return sorted(nested_hints(request).difference(kept))
