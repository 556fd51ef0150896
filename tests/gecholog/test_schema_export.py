"""`--schema`: what other programs read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gecholog import schema
from gecholog.schema_export import exported
from services.dummy import config as dummy
from services.ginit import config as ginit
from services.gl.config import config_spec as gl
from services.nats2log import config as nats2log

SPECS = {
    "gl": gl,
    "ginit": ginit.config_spec,
    "nats2log": nats2log.config_spec,
    "dummy": dummy.config_spec,
}


def subschemas(node):
    if isinstance(node, list):
        for item in node:
            yield from subschemas(item)
    if isinstance(node, dict):
        yield node
        for item in node.values():
            yield from subschemas(item)


def properties(node):
    for one in subschemas(node):
        if isinstance(one.get("properties"), dict):
            yield from one["properties"].items()


@pytest.fixture(params=SPECS)
def spec(request):
    return SPECS[request.param]()


def test_it_is_a_schema_without_references(spec):
    """A valid JSON Schema of draft 2020-12, whole in itself, with patterns that JavaScript can read."""
    made = exported(spec.schema)
    Draft202012Validator.check_schema(made)
    assert not [one for one in subschemas(made) if "$ref" in one]
    assert not [one for one in subschemas(made) if "\\Z" in str(one.get("pattern", ""))]


def test_every_field_can_be_drawn(spec):
    """Each field has a title, a description and a type; outside of conditions, which only restrict."""
    made = {name: part for name, part in exported(spec.schema).items() if name != "allOf"}
    bare = [name for name, part in properties(made) if not {"title", "description", "type"} <= part.keys()]
    assert not bare


def test_durations_and_sizes_have_units(spec):
    ends = ("_ms", "_milliseconds", "_seconds", "_bytes", "_hours")
    numbers = [(name, part) for name, part in properties(exported(spec.schema)) if name.endswith(ends)]
    assert not [name for name, part in numbers if part["unit"] not in {"ms", "s", "bytes", "h"}]


def test_secrets_are_marked():
    """Forms draw them as passwords."""
    bus = exported(gl().schema)["properties"]["service_bus"]["properties"]
    assert (bus["token"]["format"], bus["token"]["writeOnly"]) == ("password", True)
    assert "format" not in bus["hostname"]


def test_references_are_replaced_and_keywords_beside_them_win():
    made = exported(
        {
            "$defs": {"a": {"type": "string", "title": "A"}, "b": {"items": {"$ref": "#/$defs/a"}}},
            "properties": {"x": {"$ref": "#/$defs/a", "title": "X"}, "y": {"$ref": "#/$defs/b"}},
        }
    )
    text = {"type": "string"}
    assert made == {"properties": {"x": text | {"title": "X"}, "y": {"items": text | {"title": "A"}}}}


@given(st.text(max_size=12))
def test_verdicts_are_those_of_the_schema_itself(text):
    """A router path is valid by the exported schema exactly if it is by ours, apart from a newline at its end."""
    ours = gl().schema["properties"]["routers"]["items"]["properties"]["path"]
    theirs = exported(ours)
    if not text.endswith("\n"):  # Python's `$` allows one there, JavaScript's does not
        assert Draft202012Validator(theirs).is_valid(text) is not any(schema.violations(ours, text))


def test_defaults_are_of_the_type_of_their_field(spec):
    """And where the description names a default, there is one for programs."""
    for name, part in properties(exported(spec.schema)):
        if "default" in part:
            kind = {word: part[word] for word in ("type", "enum", "minimum", "maximum", "pattern") if word in part}
            assert Draft202012Validator(kind).is_valid(part["default"]), name
        else:
            assert not re.search(r"Default (\d|true|false)", part.get("description", "")), name
