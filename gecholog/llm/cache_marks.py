"""Marks for prompt caching, which only Anthropic has. Pure."""

from __future__ import annotations

from gecholog.llm.chat import ChatRequest, ToolResult

CACHE_CONTROL = "cache_control"


def has_cache_marks(request: ChatRequest) -> bool:
    """Tell whether a part or a tool of a request has a mark, which a provider without them leaves out."""
    if any(tool.cache_control is not None for tool in request.tools):
        return True
    for message in request.messages:
        for part in message.parts:
            inner = part.parts if isinstance(part, ToolResult) else ()
            if any(getattr(marked, CACHE_CONTROL, None) is not None for marked in (part, *inner)):
                return True
    return False
