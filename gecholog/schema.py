"""JSON Schemas of config files, and the violations of a value. Messages name path and rule, never a value.

Our schemas have five keywords that JSON Schema (draft 2020-12) does not have:

- `rule`: the sentence for people if the `pattern`, `minLength` or a similar keyword of the subschema is violated
- `skip_invalid_items` on an array: an item whose *values* are invalid is left out with a warning, and the others stay;
  a wrong JSON type is still an error of the whole file
- `entry` on the same array: `{"noun": "router", "name": "path"}`, what an item is called, and the field with its name
- `optional_variables` on the same array: an item that is left out only because variables have no value is no warning
- `must_be_set` on a string: a variable in it without a value is a violation, wherever in the string it is
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft202012Validator, ValidationError, validators

from gecholog.positions import Path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path as FilePath

Schema = dict[str, Any]
Violation = tuple[Path, str]
"""A place in a config, and the sentence of the rule that it breaks, such as `must be at least 1`."""

# For JSON Schema 1.0 is an integer, but the value in the config would be a float.
_TYPES = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)


def _must_be_set(_: Any, wanted: bool, instance: Any, __: Schema) -> Iterator[ValidationError]:  # noqa: FBT001 - jsonschema's
    """An error for each string, not all of which count: `is_unset` of `violations` tells which have such variables."""
    if wanted and isinstance(instance, str) and instance:  # an empty string violates another rule
        yield ValidationError("must be set")


_Validator = validators.extend(  # type: ignore[no-untyped-call] # has no types
    Draft202012Validator, {"must_be_set": _must_be_set}, type_checker=_TYPES
)

_COMMON = "common.schema.json#/$defs/"


@cache
def _common() -> Schema:
    text = files("gecholog").joinpath("common.schema.json").read_text("utf-8")
    definitions: Schema = json.loads(text)["$defs"]
    return definitions


def load(file: FilePath) -> Schema:
    """The schema in `file`, in which references to `common.schema.json#/$defs/…` are replaced by their definitions."""
    schema: Schema = _inlined(json.loads(file.read_text("utf-8")))
    return schema


def _inlined(node: Any) -> Any:
    if isinstance(node, list):
        return [_inlined(item) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref", "")
    if reference.startswith(_COMMON):
        rest = {name: value for name, value in node.items() if name != "$ref"}
        return _inlined(_extended(_common()[reference.removeprefix(_COMMON)], rest))
    return {name: _inlined(value) for name, value in node.items()}


def _extended(common: Schema, own: Schema) -> Schema:
    """A common definition with the keywords of a service's own schema in place of its own; properties are added."""
    extended = common | own
    if "properties" in common and "properties" in own:
        extended["properties"] = common["properties"] | own["properties"]
    return extended


def violations(
    schema: Schema, value: Any, is_unset: Callable[[Path], bool] = lambda _: False
) -> Iterator[tuple[Path, str, bool]]:
    """All violations of `value`: the path, the rule, and whether it is a wrong JSON type.

    `is_unset` takes the path of a string, and tells whether a variable in it has no value.
    """
    for error in _Validator(schema).iter_errors(value):
        path: Path = tuple(error.absolute_path)
        if error.validator == "must_be_set" and not is_unset(path):
            continue
        for place, rule in _explained(error, path):
            yield place, rule, error.validator == "type"


def _explained(error: ValidationError, path: Path) -> Iterator[Violation]:
    keyword, expected = error.validator, cast("Any", error.validator_value)
    if keyword == "required":
        # jsonschema reports each missing name separately, but names it only in the message
        yield from (((*path, name), "is missing") for name in expected if error.message.startswith(f"'{name}'"))
    elif "propertyNames" in list(error.relative_schema_path)[-2:-1]:  # the keyword is the one that the name violates
        rule = cast("Schema", error.schema).get("rule") or _sentence(str(keyword), expected)
        yield path, f"has a name that is not allowed: {rule}"
    elif keyword == "type":
        yield path, f"must be {_article(expected)}"
    elif keyword == "must_be_set":
        yield path, "must not hold a variable without a value"
    else:
        yield path, str(cast("Schema", error.schema).get("rule") or _sentence(str(keyword), expected))


def _article(kind: str | list[str]) -> str:
    kinds = [kind] if isinstance(kind, str) else kind
    return " or ".join(("an " if name[0] in "aeio" else "a ") + name for name in kinds)


def _sentence(keyword: str, expected: Any) -> str:
    sentences: dict[str, Callable[[], str]] = {
        "enum": lambda: "must be one of " + ", ".join(json.dumps(item) for item in expected),
        "minimum": lambda: f"must be at least {expected}",
        "maximum": lambda: f"must be at most {expected}",
        "minItems": lambda: "must not be empty" if expected == 1 else f"must have at least {expected} entries",
        "minLength": lambda: "must not be empty" if expected == 1 else f"must have at least {expected} characters",
        "maxLength": lambda: f"must have at most {expected} characters",
        "minProperties": lambda: "must not be empty",
        "uniqueItems": lambda: "must not hold the same entry twice",
        "pattern": lambda: f"must match {expected}",
    }
    return sentences[keyword]() if keyword in sentences else f"breaks the rule {keyword}"


def unknown(schema: Schema, value: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of the fields in `value` that the schema does not define. Objects with free names have none."""
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from unknown(schema["items"], item, (*path, index))
    properties = schema.get("properties")
    if not isinstance(value, dict) or properties is None:
        return
    for name, item in value.items():
        if name in properties:
            yield from unknown(properties[name], item, (*path, name))
        else:
            yield (*path, name)


def entry_words(schema: Schema, name: str) -> tuple[str, str]:
    """What an item of the top-level array `name` is called, and the field with its name; empty if unnamed."""
    words = schema.get("properties", {}).get(name, {}).get("entry", {})
    return words.get("noun", ""), words.get("name", "")


def has_optional_variables(schema: Schema, name: str) -> bool:
    """Tell whether items of the top-level array `name` are left out without a warning if variables are not set."""
    return bool(schema.get("properties", {}).get(name, {}).get("optional_variables"))


def arrays_skipping_invalid_items(schema: Schema) -> dict[str, bool]:
    """Top-level arrays whose invalid items are skipped: name → whether at least one valid item is required."""
    parts = schema.get("properties", {}).items()
    return {name: part.get("minItems", 0) > 0 for name, part in parts if part.get("skip_invalid_items")}
