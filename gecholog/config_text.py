"""The text of a config file: filled in, and parsed. All messages are without the values of variables."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from gecholog import regular_file
from gecholog.errors import ConfigError, Problem

if TYPE_CHECKING:
    from gecholog.environment import Filled

_LONGEST_INTEGER = 18  # characters
_LARGEST_SECRET = 64 * 1024  # bytes of a file in place of a value


def content(path: str) -> str | None:
    """The content of a file for `${file:PATH}`, without the line break at its end; None if it cannot be read."""
    try:
        text = regular_file.read_text(path, limit=_LARGEST_SECRET)
    except (OSError, UnicodeDecodeError):
        return None
    return text.removesuffix("\n").removesuffix("\r")


def text_of(data: bytes, source: str) -> str:
    """The text of a file's bytes. Raises ConfigError."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(source, [Problem("", "is not UTF-8", line)]) from error


def parsed(filled: Filled, source: str, repeated: list[str]) -> Any:
    """Parse the filled text; names that occur twice in an object are added to `repeated`. Raises ConfigError."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            repeated.extend(name for name in made if names.count(name) > 1)
        return made

    try:
        return json.loads(
            filled.text,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded,
            object_pairs_hook=members,
        )
    except json.JSONDecodeError as error:
        line = error.pos - error.colno + 1
        # after a filled variable the column is not that of the file, and would reveal the length of the value
        exact = not any(line <= reference.offset < error.pos for reference in filled.references)
        # some messages end with "at", as in "Unterminated string starting at" and "Invalid control character at"
        message = error.msg.removesuffix(" at") if exact else error.msg.removesuffix(" at").removesuffix(" starting")
        rule = f"is not JSON: {message}" + (f" at column {error.colno}" if exact else "")
        raise ConfigError(source, [Problem("", rule, error.lineno)]) from None  # the error holds the filled text
    except ValueError:
        raise ConfigError(source, [Problem("", "is not JSON, or holds a number out of range")]) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("out of range")
    return number


def _bounded(text: str) -> int:
    """Refuse integers that no field can mean: very large ones cannot be converted to a float or to text."""
    if len(text) > _LONGEST_INTEGER:
        raise ValueError("out of range")
    return int(text)


def without_nulls(value: Any) -> Any:
    """Remove null fields: they mean the same as missing ones, and Go writes one for every empty list."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
