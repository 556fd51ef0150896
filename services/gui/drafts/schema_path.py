"""The subschema of a place in a config. Pure. Schemas are those that `--schema` prints: without references."""

from __future__ import annotations

from typing import Any

from gecholog.schema import Schema
from services.gui.drafts.json_document import steps


def subschema(schema: Schema, pointer: str) -> Schema:
    """The schema of the value at a JSON pointer; an empty one where the schema says nothing."""
    for step in steps(pointer):
        schema = _child(schema, step)
    return schema


def _child(schema: Schema, step: str) -> Schema:
    properties = schema.get("properties", {})
    if step in properties:
        return _schema(properties[step])
    if "items" in schema and (step.isdigit() or step == "-"):
        return _schema(schema["items"])
    return _schema(schema.get("additionalProperties"))


def _schema(value: Any) -> Schema:
    return value if isinstance(value, dict) else {}


def kind_of(schema: Schema, value: Any = None) -> str:
    """The JSON type of a place: that of the schema, or where it has several that of the value."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return _type(value) if _type(value) in kinds else str(kinds[0])
    return str(kinds or ("object" if "properties" in schema else _type(value)))


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {dict: "object", list: "array", str: "string", int: "integer", float: "number"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "string")


def is_map(schema: Schema) -> bool:
    """Tell whether an object has free names, such as headers."""
    return "properties" not in schema and isinstance(schema.get("additionalProperties"), dict)


def empty_value(schema: Schema) -> Any:
    """The value that a new item or member begins with: required fields only, as empty as they can be."""
    if "default" in schema:
        return schema["default"]
    match kind_of(schema):
        case "object":
            properties = schema.get("properties", {})
            return {name: empty_value(_schema(properties.get(name))) for name in schema.get("required", ())}
        case "array":
            return []
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case _:
            return schema["enum"][0] if schema.get("enum") else ""


def is_filled(schema: Schema, text: str) -> bool:
    """Tell whether an empty string would break the rule of a text field; then it is removed rather than emptied."""
    return not text and (bool(schema.get("minLength")) or bool(schema.get("enum")))
