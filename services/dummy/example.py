"""Makes a value that fits a JSON schema: the arguments of tool calls, and structured output."""

from __future__ import annotations

from typing import Any

_MAX_DEPTH = 16  # of a schema
_EXAMPLES = {"integer": 1, "number": 1.5, "boolean": True}
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")


def example(schema: Any, words: str) -> Any:
    """Return a value that fits a schema. Its strings are `words`. `$ref` may point into `$defs` of the same schema."""
    return _example(schema, words, schema, 0)


def _example(schema: Any, words: str, root: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return None
    if "$ref" in schema:
        return _example(_pointed(root, schema["$ref"]), words, root, depth + 1)
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(values, list) and values:
        return values[0]
    for name in _ALTERNATIVES:
        if isinstance(schema.get(name), list) and schema[name]:
            return _example(schema[name][0], words, root, depth + 1)
    properties = schema.get("properties")
    if isinstance(properties, dict):
        return {name: _example(part, words, root, depth + 1) for name, part in properties.items()}
    return _of_type(schema, words, root, depth)


def _of_type(schema: dict[str, Any], words: str, root: Any, depth: int) -> Any:
    kind = schema.get("type")
    name = kind.lower() if isinstance(kind, str) else ""  # Gemini writes them in capitals
    if name == "string":
        return words
    if name == "array":
        needs_item = bool(schema.get("minItems"))
        return [_example(schema.get("items"), words, root, depth + 1)] if needs_item else []
    return {} if name == "object" else _EXAMPLES.get(name)


def _pointed(root: Any, pointer: Any) -> Any:
    """Return the part of `root` that a JSON pointer names (RFC 6901, as a URI fragment), or None."""
    found = root
    for step in str(pointer).removeprefix("#").split("/")[1:]:
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found
