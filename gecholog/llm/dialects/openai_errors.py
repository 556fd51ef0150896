"""Errors of chat completions and of OpenAI's other endpoints (https://platform.openai.com/docs/guides/error-codes).

OpenAI-compatible APIs differ most in this: see `read_error`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from gecholog.llm.error_body import error_of_any_shape, json_object
from gecholog.llm.errors import ErrorInfo

Json = dict[str, Any]

_TYPES = {
    HTTPStatus.UNAUTHORIZED.value: "authentication_error",
    HTTPStatus.FORBIDDEN.value: "permission_error",
    HTTPStatus.NOT_FOUND.value: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS.value: "rate_limit_error",
    HTTPStatus.GATEWAY_TIMEOUT.value: "timeout_error",
}
_FIRST_ERROR, _LAST_ERROR = 400, 599
_FIRST_SERVER_ERROR = 500


def read_error(status: int, body: bytes) -> ErrorInfo:
    """The error in an answer with this status, whatever the answer is."""
    value = json_object(body)
    if value is None or not isinstance(value.get("error"), dict):
        return error_of_any_shape(status, body)
    return error_of_object(status, value["error"])


def error_of_object(status: int, error: Json) -> ErrorInfo:
    """The error in an error object. OpenRouter has the words of the provider behind it in `metadata.raw`."""
    message = (
        _word(error, "message") or _word(error, "msg") or _word(error, "detail") or "the provider reports an error"
    )
    metadata = error.get("metadata")
    raw = _word(metadata, "raw") if isinstance(metadata, dict) else ""
    if raw and raw not in message:
        message = f"{message}: {raw}"
    code = error.get("code")
    return ErrorInfo(
        status=status,
        message=message,
        type=_word(error, "type"),
        code=str(code) if isinstance(code, str | int) and not isinstance(code, bool) else None,
        param=_word(error, "param") or None,
    )


def status_in(error: Any) -> int:
    """The status of an error inside a stream: its code if that is one, else 500."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code.isdecimal() and len(code) == 3:  # noqa: PLR2004 - digits of a status
        code = int(code)
    return code if type(code) is int and _FIRST_ERROR <= code <= _LAST_ERROR else _FIRST_SERVER_ERROR


def write_error(error: ErrorInfo) -> Json:
    """The body of an error. The provider's own word for its kind is the code, if it has no other."""
    usual = "api_error" if error.status >= _FIRST_SERVER_ERROR else "invalid_request_error"
    kind = _TYPES.get(error.status, usual)
    code = error.code or (error.type if error.type and error.type != kind else None)
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": code}}


def _word(fields: Json, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
