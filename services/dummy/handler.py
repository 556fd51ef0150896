"""Handles HTTP requests: finds the API that a request is for, and sends its reply."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionResetError

from gecholog.logs import Log
from services.dummy import apis, behaviour, totals
from services.dummy.api import JSON, Api, Request
from services.dummy.api_error import ApiError, requested_error
from services.dummy.behaviour import Behaviour, Failures
from services.dummy.prompt_cache import PromptCache
from services.dummy.reply import JsonReply, Stream
from services.dummy.totals import Totals

if TYPE_CHECKING:
    from services.dummy.config import Config

log = Log("dummy")

_KEY_HEADERS = ("api-key", "x-api-key", "x-goog-api-key")
_KEY_PARAMETER = "key"  # Gemini's


class Handler:
    """Handles requests. `config` may be replaced between two requests."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._failures = Failures()
        self._cache = PromptCache()
        self._totals = Totals()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        api = apis.api_of(request.rel_url.path, request.headers)
        try:
            return await self._handle(request, api)
        except ApiError as error:
            return _error_response(request, api, error)
        except web.HTTPRequestEntityTooLarge:
            too_large = ApiError("The request is too large.", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return _error_response(request, api, too_large)
        except web.RequestPayloadError:
            return _error_response(request, api, ApiError("The body of the request is incomplete or corrupt."))
        except (ConnectionError, asyncio.CancelledError):
            raise  # the client has disconnected
        except Exception as error:  # noqa: BLE001 - a bug must not end a request without a reply
            log.fault("request failed", error, method=request.method)
            bug = ApiError("Internal error of the dummy LLM.", status=500, kind="server_error")
            return _error_response(request, api, bug)

    async def _handle(self, request: web.BaseRequest, api: Api) -> web.StreamResponse:
        self._authorize(request, api)
        if request.rel_url.path == totals.PATH:
            return self._told_totals(request)
        how = behaviour.from_headers(request.headers, self.config.behaviour)
        data = await _body(request)
        if how.latency:
            await asyncio.sleep(how.latency)
        if self._failures.next(how.error_rate):
            raise requested_error(how.status)
        url = request.rel_url
        reply = api.answer(Request(request.method, url.path, url.query, request.headers, data, how, self._cache))
        if isinstance(reply, Stream):
            return await self._streamed(request, api, reply, how)
        if reply.spent is not None:
            self._totals.sent(reply.spent)
        content_type = JSON if isinstance(reply, JsonReply) else reply.content_type
        return web.Response(body=reply.body, headers=reply.headers, content_type=content_type)

    def _authorize(self, request: web.BaseRequest, api: Api) -> None:
        if self.config.api_keys and not _is_known(_keys_of(request), self.config.api_keys):
            raise api.wrong_key()

    def _told_totals(self, request: web.BaseRequest) -> web.Response:
        if request.method == "DELETE":
            self._totals.clear()
        return web.Response(body=self._totals.shown(), content_type=JSON)

    async def _streamed(self, request: web.BaseRequest, api: Api, stream: Stream, how: Behaviour) -> web.StreamResponse:
        """Send a stream. Without a delay, it is one write, for speed."""
        if how.fail_after is not None:
            failure, chunks = requested_error(how.status), stream.chunks[: how.fail_after]
            if not (stream.head or chunks):  # nothing has been sent: it is no stream yet
                raise failure
            stream = replace(stream, chunks=chunks, tail=api.event(failure, stream.content_type))
        response = web.StreamResponse(headers={"Content-Type": stream.content_type, **stream.headers})
        await response.prepare(request)
        is_whole = False
        try:
            await _write(response, stream, how.chunk_delay)
            is_whole = how.fail_after is None
        except ClientConnectionResetError:
            log.debug("client disconnected during a stream")
        finally:  # also if the client has left and this is cancelled
            if stream.spent is not None:
                (self._totals.sent if is_whole else self._totals.broken_off)(stream.spent)
        return response


def _keys_of(request: web.BaseRequest) -> list[str]:
    """Return the keys that a request has in the places where the APIs want one."""
    headers = request.headers
    bearer = headers.get("Authorization", "").removeprefix("Bearer ")
    given = [bearer, *(headers.get(name, "") for name in _KEY_HEADERS), request.rel_url.query.get(_KEY_PARAMETER, "")]
    return [key for key in given if key]


def _is_known(given: Iterable[str], known: Iterable[str]) -> bool:
    found = [
        hmac.compare_digest(key.encode("utf-8", "surrogateescape"), one.encode()) for key in given for one in known
    ]
    return any(found)


async def _body(request: web.BaseRequest) -> bytes:
    # aiohttp sends this in its application router, which is not used here. Without it, curl waits a second.
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    return await request.read()


async def _write(response: web.StreamResponse, stream: Stream, delay: float) -> None:
    if not delay:
        await response.write(b"".join((stream.head, *stream.chunks, stream.tail)))
        return
    await response.write(stream.head)
    for number, chunk in enumerate(stream.chunks):
        if number:
            await asyncio.sleep(delay)
        await response.write(chunk)
    await response.write(stream.tail)


def _error_response(request: web.BaseRequest, api: Api, error: ApiError) -> web.Response:
    shown = api.error(error, request.rel_url.query)
    headers = shown.headers | ({"Allow": error.allow} if error.allow else {})
    return web.Response(status=shown.status, body=shown.body, headers=headers, content_type=shown.content_type)
