"""Handles HTTP requests: calls the pure functions, and sends their reply."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionResetError

from gecholog.logs import Log
from services.dummy import audio, behaviour, chat, embedding, fields, image, legacy, models, moderation, responses
from services.dummy.api_error import ApiError, requested_error
from services.dummy.behaviour import Behaviour, Failures
from services.dummy.reply import BinaryReply, JsonReply, Reply, Stream

if TYPE_CHECKING:
    from services.dummy.config import Config

log = Log("dummy")

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


class Handler:
    """Handles requests. `config` may be replaced between two requests."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._failures = Failures()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._handle(request)
        except ApiError as error:
            return _error_response(error)
        except web.HTTPRequestEntityTooLarge:
            return _error_response(ApiError("The request is too large.", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
        except web.RequestPayloadError:
            return _error_response(ApiError("The body of the request is incomplete or corrupt."))
        except (ConnectionError, asyncio.CancelledError):
            raise  # the client has disconnected
        except Exception as error:  # noqa: BLE001 - a bug must not end a request without a reply
            log.fault("request failed", error, method=request.method)
            return _error_response(ApiError("Internal error of the dummy LLM.", status=500, kind="server_error"))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._authorize(request)
        how = behaviour.from_headers(request.headers, self.config.behaviour)
        data = await _body(request)
        if how.latency:
            await asyncio.sleep(how.latency)
        if self._failures.next(how.error_rate):
            raise requested_error(how.status)
        reply = _reply(request, data, how)
        if isinstance(reply, JsonReply):
            return web.Response(body=reply.body, content_type="application/json")
        if isinstance(reply, BinaryReply):
            return web.Response(body=reply.body, content_type=reply.content_type)
        return await _streamed(request, reply, how.chunk_delay)

    def _authorize(self, request: web.BaseRequest) -> None:
        keys = self.config.api_keys
        if not keys:
            return
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.headers.get("api-key", "")
        known = [hmac.compare_digest(given.encode("utf-8", "surrogateescape"), key.encode()) for key in keys]
        if not any(known):
            raise ApiError("Incorrect API key provided.", status=HTTPStatus.UNAUTHORIZED, code="invalid_api_key")


async def _body(request: web.BaseRequest) -> bytes:
    # aiohttp sends this in its application router, which is not used here. Without it, curl waits a second.
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    return await request.read()


def _reply(request: web.BaseRequest, data: bytes, how: Behaviour) -> Reply:
    path = request.rel_url.path
    method = _POSTS.get(path)
    if method is not None:
        _allow(request, "POST")
        return method(fields.body(data), how)
    if path in _UPLOADS:
        _allow(request, "POST")
        return audio.transcript(data, request.headers.get("Content-Type", ""))
    if path == _MODELS:
        _allow(request, "GET")
        return models.listed()
    if path.startswith(f"{_MODELS}/"):
        _allow(request, "GET")
        return models.one(path.removeprefix(f"{_MODELS}/"))
    raise ApiError("Unknown request URL.", status=HTTPStatus.NOT_FOUND, code="unknown_url")


def _allow(request: web.BaseRequest, method: str) -> None:
    if request.method != method:
        message = f"Method not allowed: use {method}."
        error = ApiError(message, status=HTTPStatus.METHOD_NOT_ALLOWED, code="method_not_supported")
        error.allow = method
        raise error


def _error_response(error: ApiError) -> web.Response:
    headers = {"Allow": error.allow} if error.allow else None
    return web.Response(status=error.status, body=error.body, headers=headers, content_type="application/json")


async def _streamed(request: web.BaseRequest, stream: Stream, delay: float) -> web.StreamResponse:
    """Send a stream. Without a delay, it is one write, for speed."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    try:
        if not delay:
            await response.write(b"".join((stream.head, *stream.chunks, stream.tail)))
            return response
        await response.write(stream.head)
        for number, chunk in enumerate(stream.chunks):
            if number:
                await asyncio.sleep(delay)
            await response.write(chunk)
        await response.write(stream.tail)
    except ClientConnectionResetError:
        log.debug("client disconnected during a stream")
    return response
