"""OpenAI's API: its endpoints below `/v1/`, and its errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from services.dummy import api, audio, chat, embedding, fields, image, legacy, models, moderation, responses
from services.dummy.api import Api, ErrorReply, Request
from services.dummy.api_error import ApiError
from services.dummy.behaviour import Behaviour
from services.dummy.reply import Reply

_MODELS = "/v1/models"
_POSTS: dict[str, Callable[[fields.JsonBody, Behaviour], Reply]] = {
    "/v1/chat/completions": lambda body, how: chat.answer(body, how.chunks),
    "/v1/completions": lambda body, how: legacy.answer(body, how.chunks),
    "/v1/embeddings": lambda body, _: embedding.answer(body),
    "/v1/responses": lambda body, how: responses.answer(body, how.chunks),
    "/v1/images/generations": lambda body, _: image.answer(body),
    "/v1/audio/speech": lambda body, _: audio.speech(body),
    "/v1/moderations": lambda body, _: moderation.answer(body),
}
_UPLOADS = frozenset({"/v1/audio/transcriptions", "/v1/audio/translations"})


def answer(request: Request) -> Reply:
    """Return the reply to a request. Raises ApiError."""
    path = request.path
    method = _POSTS.get(path)
    if method is not None:
        request.allow("POST")
        return method(fields.body(request.body), request.how)
    if path in _UPLOADS:
        request.allow("POST")
        return audio.transcript(request.body, request.headers.get("Content-Type", ""))
    if path == _MODELS:
        request.allow("GET")
        return models.listed()
    if path.startswith(f"{_MODELS}/"):
        request.allow("GET")
        return models.one(path.removeprefix(f"{_MODELS}/"))
    raise ApiError("Unknown request URL.", status=HTTPStatus.NOT_FOUND, code="unknown_url")


def error(error: ApiError, query: Mapping[str, str]) -> ErrorReply:
    del query
    return ErrorReply(error.status, error.body)


def event(error: ApiError, content_type: str) -> bytes:
    del content_type
    return b"data: " + error.body + b"\n\n"


API = Api(answer, error, event, api.wrong_key)
