"""Errors of Gemini's API (https://ai.google.dev/gemini-api/docs/troubleshooting)."""

from __future__ import annotations

from gecholog.llm.checked import Json
from gecholog.llm.error_body import error_of_any_shape, json_object
from gecholog.llm.errors import ErrorInfo

_SERVER_ERROR = 500
_ERROR_STATUSES = range(400, 600)


def read_error(status: int, body: bytes) -> ErrorInfo:
    """The error that a body tells of."""
    value = json_object(body)
    found = None if value is None else error_in(value, status)
    return found or error_of_any_shape(status, body)


def error_in(value: Json, status: int | None = None) -> ErrorInfo | None:
    """The error in a body, or in a chunk of a stream, whose code is the status unless there is a `status`."""
    error = value.get("error")
    if not isinstance(error, dict):
        return None
    message, code, word = error.get("message"), error.get("code"), error.get("status")
    if status is None:
        status = code if type(code) is int and code in _ERROR_STATUSES else _SERVER_ERROR
    word = word if isinstance(word, str) else None
    told = message if isinstance(message, str) and message else word or "the provider reports an error"
    return ErrorInfo(status, told, code=word)
