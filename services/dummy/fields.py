"""Reads fields of the JSON body of a request. A wrong type or value raises an ApiError that names the field."""

from __future__ import annotations

from typing import Any

from gecholog import rawjson
from gecholog.errors import NotJson
from services.dummy.api_error import ApiError

JsonBody = dict[str, Any]

_MAX_STOPS = 4  # as OpenAI


def body(data: bytes) -> JsonBody:
    """Parse the body of a request."""
    try:
        value = rawjson.loads(data)
    except NotJson:
        raise ApiError("We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise ApiError("The body of the request must be a JSON object.")
    return value


def required(fields: JsonBody, name: str) -> Any:
    """Return a required field."""
    value = fields.get(name)
    if value is None:
        raise ApiError(f"You must provide the parameter '{name}'.", param=name, code="missing_required_parameter")
    return value


def text(fields: JsonBody, name: str) -> str:
    """Return a required string that is not empty."""
    value = required(fields, name)
    if not isinstance(value, str) or not value:
        raise wrong(name, "a string that is not empty")
    return value


def whole(fields: JsonBody, name: str, least: int = 1, most: int | None = None) -> int | None:
    """Return an integer from `least` to `most`, or None if it is missing."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not int or value < least or (most is not None and value > most):
        limits = f"an integer of at least {least}" if most is None else f"an integer from {least} to {most}"
        raise wrong(name, limits)
    return value


def truth(fields: JsonBody, name: str) -> bool:
    """Return a boolean. It is false if it is missing."""
    value = fields.get(name)
    if value not in (None, True, False) or type(value) in (int, float):
        raise wrong(name, "a boolean")
    return bool(value)


def stops(fields: JsonBody) -> tuple[str, ...]:
    """Return the stop sequences: `stop` is a string or a list."""
    value = fields.get("stop")
    listed = [value] if isinstance(value, str) else value or []
    if not isinstance(listed, list) or len(listed) > _MAX_STOPS or not all(isinstance(item, str) for item in listed):
        raise wrong("stop", f"a string or a list of up to {_MAX_STOPS} strings")
    return tuple(item for item in listed if item)


def wrong(name: str, expected: str) -> ApiError:
    """Return the error for an invalid field."""
    return ApiError(f"Invalid value for '{name}': expected {expected}.", param=name, code="invalid_value")
