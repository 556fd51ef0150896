"""Bodies of errors: what can be told of one that is not in its API's own form. Pure."""

from __future__ import annotations

from typing import Any

from gecholog import lenient
from gecholog.errors import NotJson
from gecholog.llm.errors import ErrorInfo
from gecholog.shorten import shorten

_LONGEST_SHOWN = 500  # characters of a body in an error


def json_object(body: bytes) -> dict[str, Any] | None:
    """Parse a JSON object, with small errors repaired, or the first object of a list. None if there is neither."""
    try:
        value = lenient.loads(body)
    except NotJson:
        return None
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, dict) else None


def error_of_any_shape(status: int, body: bytes) -> ErrorInfo:
    """The error in a body of no certain form: the message where APIs usually have one, else the text of the body."""
    value = json_object(body)
    if value is None:
        words = " ".join(body[: 4 * _LONGEST_SHOWN].decode("utf-8", "replace").split())
        return ErrorInfo(status, shorten(words, _LONGEST_SHOWN) or f"status {status} without a body")
    error = value.get("error")
    holder = error if isinstance(error, dict) else value
    for name in ("message", "detail", "error", "msg", "Message"):
        if isinstance(told := holder.get(name), str) and told:
            return ErrorInfo(status, told, _word(holder, "type"), _word(holder, "code") or None)
    return ErrorInfo(status, shorten(body.decode("utf-8", "replace"), _LONGEST_SHOWN))


def _word(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
