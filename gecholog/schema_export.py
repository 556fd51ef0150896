"""A config schema for other programs: plain JSON Schema (draft 2020-12) without references. Pure.

`--schema` of a service prints it. Forms are drawn from it, and editors complete and check config files with it. These
annotations are our own, and other programs ignore them: those of `gecholog.schema`, and

- `unit` on a number: `ms`, `s`, `h` or `bytes`
- `format: password` on a string that is a secret; `writeOnly` says the same to programs that know OpenAPI
"""

from __future__ import annotations

from typing import Any

from gecholog.schema import Schema

_LOCAL = "#/$defs/"
_UNITS = {"_ms": "ms", "_milliseconds": "ms", "_s": "s", "_seconds": "s", "_hours": "h", "_bytes": "bytes"}
_VALUES = ("enum", "const", "default", "required", "entry", "examples")  # keywords that hold values, not schemas
_NUMBERS = ("integer", "number")


def exported(schema: Schema) -> Schema:
    """The schema with its references resolved, with units, and with patterns that JavaScript reads as Python does.

    `schema` is what `gecholog.schema.load` returns. Raises KeyError if a reference leads nowhere, and RecursionError if
    references form a circle.
    """
    definitions = schema.get("$defs", {})
    return _resolved({name: part for name, part in schema.items() if name != "$defs"}, definitions)


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """A subschema without references; the keywords beside a reference take precedence."""
    if (reference := schema.get("$ref", "")).startswith(_LOCAL):
        rest = {name: part for name, part in schema.items() if name != "$ref"}
        schema = definitions[reference.removeprefix(_LOCAL)] | rest
    return {name: _keyword(name, part, definitions) for name, part in schema.items()} | _secret(schema)


def _keyword(name: str, part: Any, definitions: Schema) -> Any:
    if name == "pattern":
        return _portable(part)
    if name == "properties":
        return {field: _property(field, _resolved(one, definitions)) for field, one in part.items()}
    if name in _VALUES:
        return part
    return _nested(part, definitions)


def _nested(part: Any, definitions: Schema) -> Any:
    if isinstance(part, list):
        return [_nested(one, definitions) for one in part]
    return _resolved(part, definitions) if isinstance(part, dict) else part


def _property(field: str, schema: Schema) -> Schema:
    """A property with the unit that its name ends in, unless it has one."""
    unit = next((unit for ending, unit in _UNITS.items() if field.endswith(ending)), None)
    is_bare_number = schema.get("type") in _NUMBERS and "unit" not in schema
    return schema | {"unit": unit} if unit and is_bare_number else schema


def _secret(schema: Schema) -> Schema:
    return {"writeOnly": True} if schema.get("format") == "password" else {}


def _portable(pattern: str) -> str:
    r"""Python's `\Z` at the end of a pattern is `$` in JavaScript, which has no `\Z`."""
    return pattern.removesuffix("\\Z") + "$" if pattern.endswith("\\Z") else pattern
