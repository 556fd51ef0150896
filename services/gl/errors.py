"""The bodies of gl's own errors, in the shape that the client's SDK shows to people. Pure.

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
    """What the config can say in `errors`; `auto` is decided by the request."""

    PLAIN = "plain"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """What a client is told whose errors are not plain: a better status, and what is wrong and where.

    `code` is for programs, `param` the field that is wrong; only OpenAI's shape has these. `retry_after` are seconds,
    for what passes.
    """

    status: int
    message: str
    code: str | None = None
    retry_after: int | None = None
    param: str | None = None


class Refusal(Exception):
    """The call ends here: with this status, and `{"error": text}` as body, where errors are plain.

    `detail` is what the client is told where they are not; without it, the same.
    """

    def __init__(
        self, status: int, text: str, headers: Headers | None = None, detail: ErrorDetail | None = None
    ) -> None:
        super().__init__(text)
        self.status = int(status)  # not HTTPStatus: a record, and who compares types, want a plain number
        self.text = text
        self.headers = headers or {}
        self.detail = detail


class UpstreamError(Exception):
    """A target cannot be called, or its answer breaks off. `status` is for a caller who has no answer yet."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = int(status)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error as it goes out; `text` is what the record notes."""

    status: int
    headers: Headers
    body: bytes
    text: str


# The types of both APIs by status; what is not listed is the one of its class.
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
    """The format for one request: `chosen`, or for `auto` the one of the API that the request speaks.

    `path` is the request's as it came, `headers` are its canonical ones. Never returns `AUTO`.
    """
    if chosen is not ErrorFormat.AUTO:
        return chosen
    is_anthropic = "Anthropic-Version" in headers or path.endswith(_MESSAGES) or f"{_MESSAGES}/" in path
    return ErrorFormat.ANTHROPIC if is_anthropic else ErrorFormat.OPENAI


def reply_to(refusal: Refusal, shape: ErrorFormat) -> ErrorReply:
    """The reply to a call that is refused, in a format that is not `AUTO`."""
    detail = refusal.detail or ErrorDetail(refusal.status, refusal.text)
    if shape is ErrorFormat.PLAIN:
        return ErrorReply(refusal.status, refusal.headers, body(shape, refusal.status, refusal.text), refusal.text)
    pause = {} if detail.retry_after is None else {"Retry-After": [str(detail.retry_after)]}
    sent = body(shape, detail.status, detail.message, detail.code, detail.param)
    return ErrorReply(detail.status, refusal.headers | pause, sent, detail.message)


def body(shape: ErrorFormat, status: int, message: str, code: str | None = None, param: str | None = None) -> bytes:
    """The JSON body of an error with this status. `code` and `param` are only in OpenAI's shape."""
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
    """An error in the middle of a stream of server-sent events, as the SDKs of both APIs raise it.

    It ends what was left incomplete of the event before.
    """
    name = b"event: error\n" if shape is ErrorFormat.ANTHROPIC else b""
    return b"\n\n" + name + b"data: " + body(shape, status, message, code) + b"\n\n"


def responses_event(message: str, code: str | None = None) -> bytes:
    """The same of OpenAI's Responses (https://platform.openai.com/docs/api-reference/responses-streaming/error).

    Its number in the sequence is not known: nobody counted the events.
    """
    fields = {"type": "error", "code": code, "message": message, "param": None, "sequence_number": 0}
    return b"\n\nevent: error\ndata: " + rawjson.dumps(fields) + b"\n\n"
