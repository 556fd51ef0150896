"""Checks of decoded JSON in requests: the value if it has the right type, else an error that tells where it stands.

`path` is the place of a value in the request, `messages[2].content` for example. A member that is null counts as
absent, as OpenAI and Anthropic have it.
"""

from __future__ import annotations

from typing import Any, NoReturn

from gecholog.llm.errors import InvalidRequestError

Json = dict[str, Any]


def refuse(path: str, message: str) -> NoReturn:
    """Raise InvalidRequestError for the value at a path."""
    raise InvalidRequestError(path, message)


def an_object(value: Any, path: str) -> Json:
    """A JSON object. Raises InvalidRequestError."""
    return value if isinstance(value, dict) else refuse(path, "must be an object")


def a_list(value: Any, path: str) -> list[Any]:
    """A JSON array. Raises InvalidRequestError."""
    return value if isinstance(value, list) else refuse(path, "must be an array")


def a_text(value: Any, path: str) -> str:
    """A string. Raises InvalidRequestError."""
    return value if isinstance(value, str) else refuse(path, "must be a string")


def text(fields: Json, name: str, path: str) -> str:
    """A member that must be there and be a string. Raises InvalidRequestError."""
    return a_text(fields.get(name), f"{path}{name}")


def optional_text(fields: Json, name: str, path: str = "") -> str | None:
    """A string member, None if it is absent. Raises InvalidRequestError."""
    value = fields.get(name)
    return None if value is None else a_text(value, f"{path}{name}")


def optional_object(fields: Json, name: str, path: str = "") -> Json | None:
    """An object member, None if it is absent. Raises InvalidRequestError."""
    value = fields.get(name)
    return None if value is None else an_object(value, f"{path}{name}")


def optional_list(fields: Json, name: str, path: str = "") -> list[Any]:
    """An array member, empty if it is absent. Raises InvalidRequestError."""
    value = fields.get(name)
    return [] if value is None else a_list(value, f"{path}{name}")


def optional_bool(fields: Json, name: str, path: str = "") -> bool | None:
    """A boolean member, None if it is absent. Raises InvalidRequestError."""
    value = fields.get(name)
    return value if value is None or isinstance(value, bool) else refuse(f"{path}{name}", "must be true or false")


def optional_int(fields: Json, name: str, path: str = "") -> int | None:
    """An integer member, None if it is absent; `5.0` is 5. Raises InvalidRequestError."""
    value = fields.get(name)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is not None and type(value) is not int:
        refuse(f"{path}{name}", "must be an integer")
    return value


def optional_number(fields: Json, name: str, path: str = "") -> float | None:
    """A number member, None if it is absent. Raises InvalidRequestError."""
    value = fields.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        refuse(f"{path}{name}", "must be a number")
    return value


def optional_texts(fields: Json, name: str, path: str = "") -> tuple[str, ...]:
    """A member that is an array of strings, or a single one. Raises InvalidRequestError."""
    value = fields.get(name)
    if isinstance(value, str):
        return (value,)
    return tuple(a_text(item, f"{path}{name}[{index}]") for index, item in enumerate(optional_list(fields, name, path)))
