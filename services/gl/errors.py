"""The bodies of gl's own errors, in the format that the client's SDK understands. Pure.

OpenAI's SDKs print `error.message` of {"error": {"message", "type", "param", "code"}}
(https://platform.openai.com/docs/guides/error-codes), Anthropic's that of {"type": "error", "error": {"type",
"message"}} (https://docs.claude.com/en/api/errors). The plain form is the original's: {"error": text}.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import rawjson

if TYPE_CHECKING:
    from gecholog.headers import Headers


class ErrorFormat(Enum):
    """The values of `errors` in the config. `auto` depends on the request."""

    PLAIN = "plain"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """The details of an error for clients whose errors are not plain.

    `code` is for programs, `param` names the wrong field; only OpenAI's format has these. `retry_after` is in seconds,
    for temporary errors.
    """

    status: int
    message: str
    code: str | None = None
    retry_after: int | None = None
    param: str | None = None


class Refusal(Exception):
    """Ends the call with an error. A plain error has this status and the body `{"error": text}`.

    `detail` is used for errors that are not plain. Without it, they have the same status and text.
    """

    def __init__(
        self, status: int, text: str, headers: Headers | None = None, detail: ErrorDetail | None = None
    ) -> None:
        super().__init__(text)
        self.status = int(status)  # not an HTTPStatus: records need a plain number
        self.text = text
        self.headers = headers or {}
        self.detail = detail


NO_FREE_CONNECTION = "no free connection in time"
"""The reason if as many connections as the config allows are in use: the upstream was not called."""


TOO_LARGE = "response too large to translate"
"""The beginning of the reason if a response exceeds the limit of the gateway for those that are translated whole."""


class UpstreamError(Exception):
    """The upstream cannot be called, or its response breaks off. `status` is for a client without a response."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = int(status)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error as it is sent. `text` is the note in the record."""

    status: int
    headers: Headers
    body: bytes
    text: str


# The error types of both APIs by status. Other statuses have the type of their class.
_OPENAI_TYPES = {
    HTTPStatus.UNAUTHORIZED.value: "authentication_error",
    HTTPStatus.FORBIDDEN.value: "permission_error",
    HTTPStatus.NOT_FOUND.value: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS.value: "rate_limit_error",
    HTTPStatus.GATEWAY_TIMEOUT.value: "timeout_error",
}
_ANTHROPIC_TYPES = _OPENAI_TYPES | {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value: "request_too_large",
    HTTPStatus.SERVICE_UNAVAILABLE.value: "overloaded_error",
}
_FIRST_SERVER_ERROR = 500
_MESSAGES = "/messages"  # the end of the path of Anthropic's Messages API


def format_for(chosen: ErrorFormat, path: str, headers: Headers) -> ErrorFormat:
    """The format for one request: `chosen`, or for `AUTO` the format of the API that the request uses.

    `path` is the path of the request as received; `headers` have canonical names. Never returns `AUTO`.
    """
    if chosen is not ErrorFormat.AUTO:
        return chosen
    is_anthropic = "Anthropic-Version" in headers or path.endswith(_MESSAGES) or f"{_MESSAGES}/" in path
    return ErrorFormat.ANTHROPIC if is_anthropic else ErrorFormat.OPENAI


def reply_to(refusal: Refusal, shape: ErrorFormat) -> ErrorReply:
    """The reply to a refused call. `shape` is not `AUTO`."""
    detail = refusal.detail or ErrorDetail(refusal.status, refusal.text)
    if shape is ErrorFormat.PLAIN:
        return ErrorReply(refusal.status, refusal.headers, body(shape, refusal.status, refusal.text), refusal.text)
    pause = {} if detail.retry_after is None else {"Retry-After": [str(detail.retry_after)]}
    sent = body(shape, detail.status, detail.message, detail.code, detail.param)
    return ErrorReply(detail.status, refusal.headers | pause, sent, detail.message)


def body(shape: ErrorFormat, status: int, message: str, code: str | None = None, param: str | None = None) -> bytes:
    """The JSON body of an error. Only OpenAI's format has `code` and `param`."""
    match shape:
        case ErrorFormat.PLAIN:
            return rawjson.dumps({"error": message})
        case ErrorFormat.ANTHROPIC:
            return rawjson.dumps(
                {"type": "error", "error": {"type": _type(_ANTHROPIC_TYPES, status), "message": message}}
            )
    return rawjson.dumps(
        {"error": {"message": message, "type": _type(_OPENAI_TYPES, status), "param": param, "code": code}}
    )


def _type(types: dict[int, str], status: int) -> str:
    return types.get(status, "api_error" if status >= _FIRST_SERVER_ERROR else "invalid_request_error")


def event(shape: ErrorFormat, status: int, message: str, code: str | None = None) -> bytes:
    """An error event for the middle of a stream, which the SDKs of both APIs raise as an exception.

    It begins with a blank line, which ends an incomplete event before it.
    """
    name = b"event: error\n" if shape is ErrorFormat.ANTHROPIC else b""
    return b"\n\n" + name + b"data: " + body(shape, status, message, code) + b"\n\n"


def responses_event(message: str, code: str | None = None) -> bytes:
    """An error event of OpenAI's Responses (https://platform.openai.com/docs/api-reference/responses-streaming/error).

    Its `sequence_number` is 0, because gl does not count the events of a stream.
    """
    fields = {"type": "error", "code": code, "message": message, "param": None, "sequence_number": 0}
    return b"\n\nevent: error\ndata: " + rawjson.dumps(fields) + b"\n\n"
