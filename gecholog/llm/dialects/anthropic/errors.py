"""Errors of Anthropic's API (https://docs.anthropic.com/en/api/errors)."""

from __future__ import annotations

from gecholog.llm.checked import Json
from gecholog.llm.error_body import error_of_any_shape, json_object
from gecholog.llm.errors import ErrorInfo

_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_TYPES = {status: word for word, status in _STATUSES.items()} | {408: "timeout_error", 503: "overloaded_error"}
_SERVER_ERROR = 500


def read_error(status: int, body: bytes) -> ErrorInfo:
    """The error that a body tells of."""
    value = json_object(body)
    error = value.get("error") if value is not None else None
    message = error.get("message") if isinstance(error, dict) else None
    if isinstance(error, dict) and isinstance(message, str) and message:
        kind = error.get("type")
        return ErrorInfo(status, message, kind if isinstance(kind, str) else "")
    return error_of_any_shape(status, body)


def error_in_event(event: Json) -> ErrorInfo:
    """The error that an event of a stream tells of; its type tells the status."""
    error = event.get("error")
    fields = error if isinstance(error, dict) else {}
    kind, message = fields.get("type"), fields.get("message")
    kind = kind if isinstance(kind, str) else ""
    told = message if isinstance(message, str) else kind or "the provider reports an error"
    return ErrorInfo(_STATUSES.get(kind, _SERVER_ERROR), told, kind)


def write_error(error: ErrorInfo) -> Json:
    """An error as the body of a response, and as the data of an event."""
    kind = error.type if error.type in _STATUSES else type_of(error.status)
    return {"type": "error", "error": {"type": kind, "message": error.message}}


def type_of(status: int) -> str:
    """The type of an error, by its status."""
    return _TYPES.get(status) or ("api_error" if status >= _SERVER_ERROR else "invalid_request_error")
