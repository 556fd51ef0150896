"""Errors of Bedrock: the message in the body, the type in a header, or in the name of an event."""

from __future__ import annotations

from gecholog.llm.checked import Json
from gecholog.llm.errors import ErrorInfo

_STATUSES = {
    "validationException": 400,
    "accessDeniedException": 403,
    "resourceNotFoundException": 404,
    "modelTimeoutException": 408,
    "modelStreamErrorException": 424,
    "throttlingException": 429,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
}
_SERVER_ERROR = 500


def error_in_event(name: str, value: Json) -> ErrorInfo:
    """The error that an event tells of, by its name."""
    kind = name[:1].lower() + name[1:]
    message = value.get("message") or value.get("Message") or value.get("originalMessage")
    return ErrorInfo(_STATUSES.get(kind, _SERVER_ERROR), message if isinstance(message, str) else name, code=name)
