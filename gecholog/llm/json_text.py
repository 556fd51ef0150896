"""JSON that keeps its numbers when it is read and written again.

orjson makes floats of integers of more than 64 bits and refuses lone surrogates. The standard library, which is slower,
takes over where one of them may be.
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from gecholog.errors import NotJson

# An integer of 18 digits has less than 64 bits. Longer ones are found with all digits made alike: a regular expression
# takes twenty times as long.
_ALIKE = bytes(ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256))
_MAY_BE_ROUNDED = b"0" * 19
_ESCAPE, _SURROGATE = b"\\u", b"\xed"  # lone surrogates are written so, or begin so in UTF-8


def loads(text: str | bytes) -> Any:
    """The value of a JSON text, integers of any size exact.

    Raises NotJson if it is not JSON, holds a number that no float can hold, or is nested too deep.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if _MAY_BE_ROUNDED not in data.translate(_ALIKE):
        try:
            return orjson.loads(memoryview(data))  # it may be a `Raw`
        except orjson.JSONDecodeError as error:
            if _ESCAPE not in data and _SURROGATE not in data:
                raise NotJson(str(error)) from error
    try:
        return json.loads(data.decode("utf-8", "surrogatepass"), parse_constant=_refuse, parse_float=_float)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error


def dumps(value: Any) -> bytes:
    """A value as JSON in UTF-8, without white space. Raises NotJson if it is nested too deep."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer of more than 64 bits, a lone surrogate, or more than 254 levels
        try:
            return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
        except RecursionError as error:
            raise NotJson("nested too deep") from error


def _float(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse(digits)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no number that can be kept")
