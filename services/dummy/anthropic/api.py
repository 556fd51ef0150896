"""Anthropic's API: its endpoints, its errors, and its headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from typing import Any

from gecholog import rawjson
from services.dummy import fields, models, reply, turn
from services.dummy.anthropic import checks, message, prompt, rules
from services.dummy.api import Api, ErrorReply, Request
from services.dummy.api_error import ApiError
from services.dummy.fields import JsonBody
from services.dummy.reply import Reply

_MESSAGES = "/v1/messages"
_MODELS = "/v1/models"
_VERSION = "anthropic-version"
_OVERLOADED = 529  # Anthropic's own status
# https://platform.claude.com/docs/en/api/errors
_KINDS: dict[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    _OVERLOADED: "overloaded_error",
}
_LIMITS = {"requests": 4000, "tokens": 480_000, "input-tokens": 400_000, "output-tokens": 80_000}

_numbers = count(1)


def answer(request: Request) -> Reply:
    """Return the reply to a request. Raises ApiError."""
    if _VERSION not in request.headers:
        raise ApiError(f"{_VERSION}: header is required")
    if request.path == _MESSAGES:
        request.allow("POST")
        return _message(fields.body(request.body), request)
    if request.path == f"{_MESSAGES}/count_tokens":
        request.allow("POST")
        return _counted(fields.body(request.body))
    request.allow("GET")
    if request.path == _MODELS:
        listed = [_model(name) for name in models.NAMES]
        return reply.json_reply(
            {"data": listed, "has_more": False, "first_id": listed[0]["id"], "last_id": listed[-1]["id"]}
        )
    name = request.path.removeprefix(f"{_MODELS}/")
    if name in models.NAMES:
        return reply.json_reply(_model(name))
    raise ApiError(f"model: {name}", status=HTTPStatus.NOT_FOUND)


def _message(body: JsonBody, request: Request) -> Reply:
    checks.check(body, counts=False)
    rules.check(body)
    asked = prompt.turn_of(body, request.how.chunks)
    if asked.must_call and not asked.tools:
        raise ApiError("tool_choice: Tool not found in provided tools", param="tool_choice")
    made = message.message_of(
        body["model"],
        turn.answer(asked),
        prompt.prompt_tokens(body, request.cache),
        redacts=message.REDACT in asked.words,
        omits=(body.get("thinking") or {}).get("display") == "omitted",
    )
    headers = _headers()
    if body.get("stream"):
        return message.streamed(made, headers)
    return reply.json_reply(message.whole(made), made.spent, headers)


def _counted(body: JsonBody) -> Reply:
    checks.check(body, counts=True)
    rules.check(body)
    return reply.json_reply({"input_tokens": prompt.prompt_tokens(body, None).all})


def _model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"}


def _headers() -> dict[str, str]:
    """The headers of an answer. The limits are never reached."""
    reset = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = {"request-id": f"req_{next(_numbers)}"}
    for name, limit in _LIMITS.items():
        before = f"anthropic-ratelimit-{name}"
        headers |= {f"{before}-limit": str(limit), f"{before}-remaining": str(limit - 1), f"{before}-reset": reset}
    return headers


def error(error: ApiError, query: Mapping[str, str]) -> ErrorReply:
    del query
    headers = _headers()
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["retry-after"] = "1"
    body = _error_value(error) | {"request_id": headers["request-id"]}
    return ErrorReply(error.status, rawjson.dumps(body), headers)


def event(error: ApiError, content_type: str) -> bytes:
    del content_type
    return message.event(_error_value(error))


def _error_value(error: ApiError) -> dict[str, Any]:
    usual = "api_error" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return {"type": "error", "error": {"type": _KINDS.get(error.status, usual), "message": str(error)}}


def _wrong_key() -> ApiError:
    return ApiError("invalid x-api-key", status=HTTPStatus.UNAUTHORIZED)


API = Api(answer, error, event, _wrong_key)
