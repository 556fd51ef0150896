"""Values that fit a schema."""

import jsonschema
import pytest

from services.dummy.example import example

NODE = {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/other~1kind"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        {"const": 7},
        {"enum": ["a", "b"]},
        {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "number"}}},
        NODE | {"$defs": {"other/kind": {"type": "array", "items": {"$ref": "#"}}}},
        {"type": "object"},
    ],
)
def test_fits(schema):
    """The value is valid."""
    jsonschema.validate(example(schema, "Hi"), schema)


@pytest.mark.parametrize("schema", [None, 7, {}, {"$ref": 7}, {"$ref": "#/a/b"}, {"enum": 7}, {"type": ["null"]}])
def test_nothing_to_go_by(schema):
    """A schema that says nothing has no value."""
    assert example(schema, "Hi") is None


def test_capitals():
    """Gemini writes types in capitals."""
    schema = {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}
    assert example(schema, "") == {"a": 1}


def test_a_schema_in_itself():
    """A schema that contains itself ends somewhere."""
    assert example({"type": "object", "properties": {"a": {"$ref": "#"}}}, "")["a"]
