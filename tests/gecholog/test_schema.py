"""What schemas say of values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import schema
from gecholog.schema import arrays_skipping_invalid_items, unknown, violations

SECRET = "TopSecretValue"


@pytest.mark.parametrize(
    ("rules", "value", "expected"),
    [
        ({"type": "integer"}, "x", "must be an integer"),
        ({"type": "integer"}, 1.0, "must be an integer"),
        ({"type": "integer"}, True, "must be an integer"),
        ({"type": "string"}, 1, "must be a string"),
        ({"type": ["string", "integer"]}, [], "must be a string or an integer"),
        ({"type": "object"}, [], "must be an object"),
        ({"enum": ["A", "B"]}, "C", 'must be one of "A", "B"'),
        ({"const": 1}, 2, "breaks the rule const"),
        ({"minimum": 3}, 2, "must be at least 3"),
        ({"maximum": 3}, 4, "must be at most 3"),
        ({"minItems": 1}, [], "must not be empty"),
        ({"minItems": 2}, [1], "must have at least 2 entries"),
        ({"minLength": 1}, "", "must not be empty"),
        ({"minLength": 2}, "x", "must have at least 2 characters"),
        ({"maxLength": 2}, "xxx", "must have at most 2 characters"),
        ({"minProperties": 1}, {}, "must not be empty"),
        ({"uniqueItems": True}, [1, 1], "must not hold the same entry twice"),
        ({"pattern": "^a\\Z"}, "a\n", "must match ^a\\Z"),
        ({"pattern": "^a\\Z", "rule": "must be a"}, "b", "must be a"),
        ({"propertyNames": {"pattern": "^a\\Z", "rule": "only a"}}, {"b": 1}, "has a name that is not allowed: only a"),
        ({"additionalProperties": False}, {"b": 1}, "breaks the rule additionalProperties"),
        ({"not": {}}, 1, "breaks the rule not"),
        ({"anyOf": [{"type": "null"}]}, 1, "breaks the rule anyOf"),
    ],
)
def test_sentences(rules, value, expected):
    """What is told to people, for each word of JSON Schema that our schemas use."""
    [(path, rule, is_type)] = violations(rules, value)
    assert (path, rule) == ((), expected)
    assert is_type == ("type" in rules)


def test_missing_fields():
    """Each missing field is found by itself, at the path where it should be."""
    rules = {"properties": {"a": {"required": ["b", "b c", "d"]}}}
    assert sorted(path for path, _, _ in violations(rules, {"a": {"d": 1}})) == [("a", "b"), ("a", "b c")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just(SECRET) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)
RULES = {
    "type": "object",
    "required": ["a", "z"],
    "minProperties": 2,
    "maxProperties": 2,
    "additionalProperties": False,
    "properties": {
        "a": {"type": "string", "enum": ["x"], "pattern": "^y", "maxLength": 2, "minLength": 30, "format": "date"},
        "b": {
            "type": "array",
            "uniqueItems": True,
            "maxItems": 1,
            "contains": {"const": 9},
            "items": {
                "minimum": 5,
                "multipleOf": 7,
                "not": {"type": "string"},
                "oneOf": [{"type": "null"}, {"type": "string"}],
            },
        },
        "c": {"anyOf": [{"type": "integer"}, {"const": "k"}], "if": {"type": "string"}, "then": {"const": "l"}},
    },
}


@given(JSON, st.sampled_from(["a", "b", "c"]))
def test_messages_never_hold_a_value(value, name):
    """Whatever is wrong, no value of the file is in the message."""
    for candidate in (value, {name: value}, {name: SECRET}, {name: [SECRET, SECRET]}):
        assert all(SECRET not in rule for _, rule, _ in violations(RULES, candidate))


def test_load_puts_shared_parts_in(tmp_path):
    """A reference to a shared part is replaced by it; what stands beside the reference counts more."""
    file = tmp_path / "s.json"
    reference = {"$ref": "common.schema.json#/$defs/topic", "title": "Mine"}
    file.write_text(json.dumps({"properties": {"t": reference}, "items": [reference]}))
    loaded = schema.load(file)
    topic = loaded["properties"]["t"]
    assert (topic["title"], topic["type"]) == ("Mine", "string")
    assert "$ref" not in json.dumps(loaded)


def test_load_adds_properties(tmp_path):
    """A service's own properties stand beside those of the shared part."""
    file = tmp_path / "s.json"
    own = {"$ref": "common.schema.json#/$defs/service_bus", "properties": {"mine": {"type": "integer"}}}
    file.write_text(json.dumps({"properties": {"service_bus": own}}))
    properties = schema.load(file)["properties"]["service_bus"]["properties"]
    assert {"mine", "hostname", "token"} <= properties.keys()
    assert "$ref" not in json.dumps(properties)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("version", ["1.0.1", "0.0.0", "1.0.0-rc.1+b", "1.0.0-0a"], ["1", "1.0", "01.0.0", "1.0.0\n", "v1.0.0", ""]),
        ("version", ["1.0.0-0a.1"], ["1.0.0-01", "1.0.0-a..b", "1.0.0-", "1.0.0+"]),
        ("log_level", ["DEBUG", "INFO", "WARN", "ERROR"], ["info", "", "WARNING"]),
        ("topic", ["a", "a.b_1"], ["", "a.", ".a", "a..b", "a b", "a.*", ">", "a\n", "é"]),
        ("hostname", ["localhost:4222", ["a:1", "b:1"]], [[], ["a:1", "a:1"], [1]]),
        ("token", ["a", "!~", "a b", ""], ["é", "a\n"]),
        ("header_name", ["X-A", "x_1", "!"], ["", "a b", "a:", "é", "a\n"]),
        ("field_name", ["a_1"], ["", "a-b", "a.b", "a\n"]),
        ("router_path", ["/", "/a/", "/a/b/", "/a//b/", "/a-b/v1.0_x/", "/.a/a./.../"], ["", "a/", "/a", "/a/\n"]),
        ("router_path", ["/-/_/"], ["/./", "/../", "/a/./", "/a/../b/", "/%2e/", "/a b/", "/a;b/", "/é/"]),
    ],
)  # fmt: skip
def test_common_parts(name, good, bad):
    """The shared parts take what they should."""
    rules = schema._common()[name]
    assert [value for value in good if list(violations(rules, value))] == []
    assert [value for value in bad if not list(violations(rules, value))] == []
    assert list(violations(rules, 1))


def test_every_common_part_is_explained():
    """Web forms are drawn from the schemas: each part has a title and a description."""

    def parts(node):
        if isinstance(node, dict):
            if "type" in node:
                yield node
            for key, inner in node.items():
                if key != "items":
                    yield from parts(inner)

    for part in parts(schema._common()):
        assert part["title"]
        assert part["description"]


def test_unknown():
    """Fields that the schema does not know are found at every depth; objects with free names have none."""
    rules = {
        "properties": {
            "a": {"properties": {"b": {}}},
            "list": {"items": {"properties": {"c": {}}}},
            "free": {"additionalProperties": {"type": "string"}},
        }
    }
    value = {"a": {"b": 1, "x": 1}, "list": [{"c": 1}, {"y": 1}, 3], "free": {"z": "1"}, "w": {"v": 1}}
    assert set(unknown(rules, value)) == {("a", "x"), ("list", 1, "y"), ("w",)}


def test_arrays_skipping_invalid_items():
    rules = {
        "properties": {"a": {"skip_invalid_items": True}, "b": {"skip_invalid_items": True, "minItems": 1}, "c": {}}
    }
    assert arrays_skipping_invalid_items(rules) == {"a": False, "b": True}
