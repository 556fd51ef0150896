"""The OpenAPI document of the management API, made of the types that decode its requests. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from gecholog import __version__
from services.gui.api.operation import PREFIX, Operation
from services.gui.api.types import Refusal

_VARIABLE = re.compile(r"\{(\w+)\}")
_TEMPLATE = "#/components/schemas/{name}"
_UNIFIED = {
    "/v1/models": ("get", "The models of the gateway"),
    "/v1/chat/completions": ("post", "Chat, in the format of OpenAI"),
    "/v1/responses": ("post", "Responses, in the format of OpenAI"),
    "/v1/embeddings": ("post", "Embeddings, in the format of OpenAI"),
    "/v1/messages": ("post", "Messages, in the format of Anthropic"),
}


def openapi(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document (OpenAPI 3.1): the management API, and by name the calls that are passed on to the gateway."""
    listed = list(operations)
    types = [kind for one in listed for kind in (one.takes, one.gives) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, Refusal], ref_template=_TEMPLATE)
    by_type = dict(zip(map(repr, [*types, Refusal]), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in listed:
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = _operation(one, by_type)
    for path, (method, summary) in _UNIFIED.items():
        paths[path] = {method: _passed_on(path, method, summary)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gecholog",
            "version": __version__,
            "description": "The management API, and the calls that are passed on to the gateway. Make a token for the "
            "management API on the page Users; calls take a client key.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "."}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of the management API."},
                "key": {"type": "http", "scheme": "bearer", "description": "A client key of the gateway."},
            },
        },
    }


def _operation(one: Operation, by_type: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "summary": one.summary,
        "description": f"Needs the permission `{one.permission}`.",
        "operationId": one.work.__name__,
        "tags": [one.path.split("/")[1]],
        "responses": _responses(one, by_type),
    }
    if parameters := [*_path_parameters(one), *_query_parameters(one)]:
        made["parameters"] = parameters
    if one.takes is not None:
        made["requestBody"] = {"required": True, "content": _json(by_type[repr(one.takes)])}
    return made


def _responses(one: Operation, by_type: dict[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done."}
    if one.gives is not None:
        good["content"] = _json(by_type[repr(one.gives)])
    refused = {"description": "Refused; the message says why.", "content": _json(by_type[repr(Refusal)])}
    return {str(one.status): good, "default": refused}


def _path_parameters(one: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _VARIABLE.findall(one.path)
    ]


def _query_parameters(one: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}
        for name, description in one.query
    ]


def _passed_on(path: str, method: str, summary: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "summary": summary,
        "description": "Passed on to the gateway; the body is the provider's own.",
        "operationId": "passed_on" + path.replace("/", "_"),
        "tags": ["gateway"],
        "security": [{"key": []}],
        "responses": {"default": {"description": "What the gateway answers."}},
    }
    if method == "post":
        made["requestBody"] = {"content": _json({"type": "object"})}
    return made


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
