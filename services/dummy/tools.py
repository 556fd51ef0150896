"""Tools in OpenAI's APIs: which of them a request allows or forces, and how their calls look."""

from __future__ import annotations

from typing import Any

from gecholog import rawjson
from services.dummy import fields
from services.dummy.fields import JsonBody
from services.dummy.turn import Tool, ToolUse

ToolCall = dict[str, Any]


def forced(body: JsonBody) -> JsonBody | None:
    """Return the function that a request forces, or None. Raises ApiError."""
    choice = body.get("tool_choice")
    if choice in (None, "none", "auto"):
        return None
    functions = _functions(body)
    if choice == "required":
        if not functions:
            raise fields.wrong("tool_choice", "tools to choose from in 'tools'")
        return functions[0]
    chosen = choice.get("function") if isinstance(choice, dict) else None
    for function in functions:
        if isinstance(chosen, dict) and function["name"] == chosen.get("name"):
            return function
    raise fields.wrong("tool_choice", "none, auto, required, or a function that is in 'tools'")


def _functions(body: JsonBody) -> list[JsonBody]:
    listed = body.get("tools")
    functions = [tool.get("function") for tool in listed if isinstance(tool, dict)] if isinstance(listed, list) else []
    return [entry for entry in functions if isinstance(entry, dict) and isinstance(entry.get("name"), str)]


def allowed(body: JsonBody) -> tuple[Tool, ...]:
    """Return the tools that may be called: that of the choice, or all, or none. Raises ApiError."""
    must_be = forced(body)
    if body.get("tool_choice") == "none":
        return ()
    is_named = must_be is not None and body.get("tool_choice") != "required"
    functions = [must_be] if is_named else _functions(body)
    return tuple(Tool(one["name"], one.get("parameters")) for one in functions if one is not None)


def call_of(use: ToolUse, number: str) -> ToolCall:
    """Return a call as chat completions have it."""
    written = rawjson.dumps(use.arguments).decode()
    return {"id": f"call_{number}", "type": "function", "function": {"name": use.name, "arguments": written}}
