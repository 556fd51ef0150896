"""Tools: ignored unless `tool_choice` forces one. Then it is called with arguments generated from its parameters."""

from __future__ import annotations

from typing import Any

from gecholog import rawjson
from services.dummy import fields, tokens
from services.dummy.example import example
from services.dummy.fields import JsonBody

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


def call(function: JsonBody, words: str, number: str) -> ToolCall:
    """Return a call of `function`. String arguments contain what the user said."""
    arguments = example(function.get("parameters"), words)
    written = rawjson.dumps(arguments if isinstance(arguments, dict) else {}).decode()
    return {"id": f"call_{number}", "type": "function", "function": {"name": function["name"], "arguments": written}}


def count(tool_call: ToolCall) -> int:
    """Count the tokens of a call: those of the function name and of the arguments."""
    return tokens.count(tool_call["function"]["name"]) + tokens.count(tool_call["function"]["arguments"])
