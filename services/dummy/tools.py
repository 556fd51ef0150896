"""Tools: ignored unless `tool_choice` forces one. Then it is called with arguments generated from its parameters."""

from __future__ import annotations

from typing import Any

from gecholog import rawjson
from services.dummy import fields, tokens
from services.dummy.fields import JsonBody

ToolCall = dict[str, Any]

_MAX_DEPTH = 16  # of a schema
_EXAMPLES = {"integer": 1, "number": 1.5, "boolean": True, "array": []}


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
    arguments = _example(function.get("parameters"), words, 0)
    written = rawjson.dumps(arguments if isinstance(arguments, dict) else {}).decode()
    return {"id": f"call_{number}", "type": "function", "function": {"name": function["name"], "arguments": written}}


def count(tool_call: ToolCall) -> int:
    """Count the tokens of a call: those of the function name and of the arguments."""
    return tokens.count(tool_call["function"]["name"]) + tokens.count(tool_call["function"]["arguments"])


def _example(schema: Any, words: str, depth: int) -> Any:
    """Return a value that fits a simple JSON schema."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return None
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    properties = schema.get("properties")
    if isinstance(properties, dict):
        return {name: _example(part, words, depth + 1) for name, part in properties.items()}
    kind = schema.get("type")
    return words if kind == "string" else _EXAMPLES.get(kind) if isinstance(kind, str) else None
