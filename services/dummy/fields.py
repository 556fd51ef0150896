"""Reads fields of a request's JSON body. What has the wrong type or value becomes a `Refusal` that names the field."""

from __future__ import annotations

from typing import Any

from gecholog import rawjson
from gecholog.errors import NotJson
from services.dummy.refusal import Refusal

Body = dict[str, Any]

_STOPS = 4  # as many as OpenAI takes


def body(data: bytes) -> Body:
    """The body of a request."""
    try:
        value = rawjson.loads(data)
    except NotJson:
        raise Refusal("We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise Refusal("The body of the request must be a JSON object.")
    return value


def required(fields: Body, name: str) -> Any:
    """A field that must be there."""
    value = fields.get(name)
    if value is None:
        raise Refusal(f"You must provide the parameter '{name}'.", param=name, code="missing_required_parameter")
    return value


def text(fields: Body, name: str) -> str:
    """A text that must be there and not be empty."""
    value = required(fields, name)
    if not isinstance(value, str) or not value:
        raise wrong(name, "a string that is not empty")
    return value


def whole(fields: Body, name: str, least: int = 1, most: int | None = None) -> int | None:
    """A whole number from `least` to `most`; None if it is not there."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not int or value < least or (most is not None and value > most):
        limits = f"an integer of at least {least}" if most is None else f"an integer from {least} to {most}"
        raise wrong(name, limits)
    return value


def truth(fields: Body, name: str) -> bool:
    """A truth value, false if it is not there."""
    value = fields.get(name)
    if value not in (None, True, False) or type(value) in (int, float):
        raise wrong(name, "a boolean")
    return bool(value)


def stops(fields: Body) -> tuple[str, ...]:
    """The texts at which an answer ends: `stop` is one text or a list."""
    value = fields.get("stop")
    listed = [value] if isinstance(value, str) else value or []
    if not isinstance(listed, list) or len(listed) > _STOPS or not all(isinstance(item, str) for item in listed):
        raise wrong("stop", f"a string or a list of up to {_STOPS} strings")
    return tuple(item for item in listed if item)


def wrong(name: str, expected: str) -> Refusal:
    """The refusal of a field that is not what it must be."""
    return Refusal(f"Invalid value for '{name}': expected {expected}.", param=name, code="invalid_value")
