"""The public OpenAPI documents of Anthropic, OpenAI and Open Responses, as the package llm-comply has them."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

ANTHROPIC, OPENAI, OPEN_RESPONSES = "anthropic.json", "openai_chat.json", "openresponses.json"


def schemas(document: str) -> dict[str, Any]:
    """The schemas of a document, by their names, as they are."""
    return _read(document)["schemas"]  # type: ignore[no-any-return]


def _read(document: str) -> dict[str, Any]:
    return json.loads(files("llm_comply.specs").joinpath(document).read_text())["components"]  # type: ignore[no-any-return]


@cache
def _components(document: str) -> dict[str, Any]:
    found = _read(document)
    _plain(found)
    return found


def _plain(value: Any) -> None:
    """Make JSON Schema of it: OpenAPI 3.0 has `nullable`, and `oneOf` where several may fit."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        _plain(each)
    if isinstance(value, dict) and isinstance(value.get("oneOf"), list):
        value["anyOf"] = value.pop("oneOf")
    if isinstance(value, dict) and value.pop("nullable", False) is True:
        if isinstance(value.get("type"), str):
            value["type"] = [value["type"], "null"]
            if "enum" in value:
                value["enum"] = [*value["enum"], None]
        else:
            other = dict(value)
            value.clear()
            value["anyOf"] = [other, {"type": "null"}]


@cache
def _validator(document: str, schema: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": _components(document)})


def check(document: str, schema: str, value: Any) -> None:
    """Raise jsonschema's error, of the most likely cause, for a value that is not of the schema."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    error = best_match(_validator(document, schema).iter_errors(value))
    if error is not None:
        raise error
