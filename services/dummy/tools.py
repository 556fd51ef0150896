"""Tools: left alone, unless `tool_choice` forces one. Then it is called with arguments made from its parameters."""

from __future__ import annotations

from typing import Any

from gecholog import rawjson
from services.dummy import fields, tokens
from services.dummy.fields import Body

Call = dict[str, Any]

_DEEPEST = 16  # levels of a schema that are looked into
_EXAMPLES = {"integer": 1, "number": 1.5, "boolean": True, "array": []}


def forced(body: Body) -> Body | None:
    """The function that a request wants to be called; None if it leaves the choice. Raises Refusal."""
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


def _functions(body: Body) -> list[Body]:
    listed = body.get("tools")
    functions = [tool.get("function") for tool in listed if isinstance(tool, dict)] if isinstance(listed, list) else []
    return [entry for entry in functions if isinstance(entry, dict) and isinstance(entry.get("name"), str)]


def call(function: Body, words: str, number: str) -> Call:
    """A call of `function`: every text among its parameters is what the user said."""
    arguments = _example(function.get("parameters"), words, 0)
    written = rawjson.dumps(arguments if isinstance(arguments, dict) else {}).decode()
    return {"id": f"call_{number}", "type": "function", "function": {"name": function["name"], "arguments": written}}


def count(made: Call) -> int:
    """The tokens of a call: those of the function's name and of the arguments."""
    return tokens.count(made["function"]["name"]) + tokens.count(made["function"]["arguments"])


def _example(schema: Any, words: str, depth: int) -> Any:
    """A value that fits a JSON schema, as far as simple schemas go."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    properties = schema.get("properties")
    if isinstance(properties, dict):
        return {name: _example(part, words, depth + 1) for name, part in properties.items()}
    kind = schema.get("type")
    return words if kind == "string" else _EXAMPLES.get(kind) if isinstance(kind, str) else None
