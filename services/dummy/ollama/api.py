"""Ollama's API: chat, completion and embeddings, and its errors. Answers are streamed unless the request forbids it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from typing import Any

from gecholog import rawjson
from services.dummy import embedding, fields, models, reply, tokens, turn
from services.dummy.api import Api, ErrorReply, Request, wrong_key
from services.dummy.api_error import ApiError
from services.dummy.fields import JsonBody
from services.dummy.ollama import checks, prompt
from services.dummy.reply import JsonReply, Reply, Spent, Stream
from services.dummy.turn import Answer

_LINES = "application/x-ndjson"
_DIMENSIONS = 768
_MS = 1_000_000  # nanoseconds, in which Ollama reports times

_numbers = count(1)


def answer(request: Request) -> Reply:
    """Return the reply to a request. Raises ApiError."""
    if request.path in _LISTS:
        request.allow("GET")
        return reply.json_reply(_LISTS[request.path])
    if request.path not in _POSTS:
        raise ApiError("404 page not found", status=HTTPStatus.NOT_FOUND)
    request.allow("POST")
    body = fields.body(request.body)
    checks.check(body)
    return _POSTS[request.path](body, request)


def _chat(body: JsonBody, request: Request) -> Reply:
    return _answered(body, request, is_chat=True)


def _generate(body: JsonBody, request: Request) -> Reply:
    return _answered(body, request, is_chat=False)


def _answered(body: JsonBody, request: Request, *, is_chat: bool) -> Reply:
    answered = turn.answer(prompt.turn_of(body, request.how.chunks))
    spent = Spent(body["model"], prompt.prompt_tokens(body), answered.thought_tokens + answered.tokens)
    head = {"model": body["model"], "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
    said = _said(answered, is_chat=is_chat)
    end = _end(answered, spent)
    if body.get("stream") is False:
        whole = _part(_together(said), is_chat=is_chat)
        return reply.json_reply(head | whole | end, spent)
    lines = [_line(head | _part(one, is_chat=is_chat) | {"done": False}) for one in said]
    first = 1 if answered.thought else 0
    last = _line(head | _part({}, is_chat=is_chat) | end)
    return Stream(b"".join(lines[:first]), tuple(lines[first:]), last, spent, content_type=_LINES)


def _said(answered: Answer, *, is_chat: bool) -> list[dict[str, Any]]:
    """Return what is said, in parts: the thought, then the calls of tools or the pieces of a text."""
    number = next(_numbers)
    calls = [
        {
            "id": f"call_{number}_{index}",
            "function": {"index": index, "name": call.name, "arguments": call.arguments},
        }
        for index, call in enumerate(answered.calls)
    ]
    thoughts: list[dict[str, Any]] = [{"thinking": answered.thought}] if answered.thought else []
    called: list[dict[str, Any]] = [{"tool_calls": [call]} for call in calls] if is_chat else []
    return [*thoughts, *called, *({"content": piece} for piece in answered.text.pieces)]


def _together(said: list[dict[str, Any]]) -> dict[str, Any]:
    """Join the parts of what is said: texts and lists of one name follow one another."""
    whole: dict[str, Any] = {}
    for part in said:
        for name, value in part.items():
            whole[name] = whole[name] + value if name in whole else value
    return whole


def _part(said: dict[str, Any], *, is_chat: bool) -> dict[str, Any]:
    if is_chat:
        return {"message": {"role": "assistant", "content": "", **said}}
    rest = {name: part for name, part in said.items() if name != "content"}
    return {"response": said.get("content", ""), **rest}


def _end(answered: Answer, spent: Spent) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": answered.text.finish_reason,
        "total_duration": 3 * _MS,
        "load_duration": _MS,
        "prompt_eval_count": spent.prompt,
        "prompt_eval_duration": _MS,
        "eval_count": spent.completion,
        "eval_duration": _MS,
    }


def _line(value: Any) -> bytes:
    return rawjson.dumps(value) + b"\n"


def _embed(body: JsonBody, request: Request) -> JsonReply:
    del request
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ApiError("invalid input type")
    dimensions = fields.whole(body, "dimensions", most=4096) or _DIMENSIONS
    number = sum(map(tokens.count, texts))
    value = {
        "model": body["model"],
        "embeddings": [embedding.vector(text, dimensions) for text in texts],
        "total_duration": _MS,
        "load_duration": _MS,
        "prompt_eval_count": number,
    }
    return reply.json_reply(value, Spent(body["model"], number))


def _tag(name: str) -> dict[str, Any]:
    details = {
        "format": "gguf",
        "family": "dummy",
        "families": ["dummy"],
        "parameter_size": "1",
        "quantization_level": "",
    }
    return {
        "name": name,
        "model": name,
        "modified_at": "2025-01-01T00:00:00Z",
        "size": 1,
        "digest": "0" * 64,
        "details": details,
    }


_POSTS = {"/api/chat": _chat, "/api/generate": _generate, "/api/embed": _embed}
_LISTS: dict[str, dict[str, Any]] = {
    "/api/tags": {"models": [_tag(f"{name}:latest") for name in models.NAMES]},
    "/api/version": {"version": "0.12.0"},
}


def error(error: ApiError, query: Mapping[str, str]) -> ErrorReply:
    del query
    return ErrorReply(error.status, _error_value(error))


def event(error: ApiError, content_type: str) -> bytes:
    del content_type
    return _error_value(error) + b"\n"


def _error_value(error: ApiError) -> bytes:
    return rawjson.dumps({"error": str(error)})


API = Api(answer, error, event, wrong_key)
