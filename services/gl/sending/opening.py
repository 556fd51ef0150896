"""Reads the beginning of a provider's response, to find the failures that its status does not show.

Until something was sent to the client, the call can go to the next candidate, or be answered with an error status. So a
stream is read up to its first event, and a response that is translated as a whole up to its end. The head of a reply
does not wait longer than `_FIRST_EVENT_S` for the first event of a stream: a client might give up. The upstream client
has waited for the first bytes before that, see `upstream/response.py`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import headers
from gecholog.llm.opening import Opening
from gecholog.llm.translate import Translation
from gecholog.media_type import media_type
from gecholog.shorten import shorten
from services.gl.errors import TOO_LARGE, UpstreamError
from services.gl.models.dialects import client_dialect
from services.gl.record import decoding
from services.gl.responses.opened import Opened
from services.gl.responses.response import read_whole
from services.gl.translation import translated_reply
from services.gl.translation.translated_reply import SSE, ProviderResponse

if TYPE_CHECKING:
    from gecholog.llm.chat_dialect import ChatDialect
    from gecholog.llm.errors import ErrorInfo
    from gecholog.llm.translate_whole import WholeTranslation
    from services.gl.attempt.attempt import Attempt
    from services.gl.http import UpstreamResponse
    from services.gl.responses.opened import Reply

_MULTIPLE_CHOICES = HTTPStatus.MULTIPLE_CHOICES.value
_FIRST_EVENT_S = 1.0
_MOST_HELD = 256 * 1024  # bytes of a stream without an event, after which the head does not wait either
_LONGEST_SHOWN = 200  # characters of an error


def may_tell_more(attempt: Attempt, response: UpstreamResponse) -> bool:
    """Tell whether the beginning of a response may show more than its status. Most responses are no streams."""
    if attempt.candidate.provider is None or response.status >= _MULTIPLE_CHOICES:
        return False
    return attempt.translation is not None or SSE in headers.first(response.headers, "Content-Type").lower()


async def opened(attempt: Attempt, response: UpstreamResponse, limit: int) -> Opened | None:
    """Read the beginning of a response; None if its status tells enough. Raises UpstreamError if it breaks off.

    `limit` is the largest body in bytes that is translated as a whole.
    """
    if not may_tell_more(attempt, response):
        return None
    try:
        if attempt.translation is not None:
            return await _translated(attempt.translation, response, limit)
        dialect = _dialect_to_read(attempt, response)
        return None if dialect is None else await _untranslated(dialect, response)
    except UpstreamError:
        raise
    except BaseException:
        response.abandon()
        raise


def _dialect_to_read(attempt: Attempt, response: UpstreamResponse) -> ChatDialect | None:
    """The dialect of a stream that is passed on as it is; None if the response is no stream, or cannot be read."""
    endpoint = attempt.candidate.endpoint
    if endpoint is None or "Content-Encoding" in response.headers:
        return None
    is_sse = media_type(headers.first(response.headers, "Content-Type")) == SSE
    return client_dialect(endpoint) if is_sse else None


async def _untranslated(dialect: ChatDialect, response: UpstreamResponse) -> Opened | None:
    """Read a stream in the client's dialect up to its first event. All its bytes are passed on."""
    opening = Opening(dialect, SSE)
    response.unread(await _read(opening, response, None))
    if opening.error is None:
        return None
    status = translated_reply.status_of(opening.error)
    return Opened(status, _described(status, opening.error))


async def _translated(translation: Translation | WholeTranslation, response: UpstreamResponse, limit: int) -> Opened:
    """Read a response that is translated: a stream up to its first event, any other up to its end."""
    source = ProviderResponse(response.status, response.headers, translation)
    start = b""
    if isinstance(translation, Translation) and translation.is_streamed:
        decoder = decoding.Decoder(source.encoding, limit) if decoding.codings(source.encoding) else None
        opening = Opening(translation.provider, source.content_type)
        start = await _read(opening, response, decoder)
        if opening.error is not None:
            response.abandon()
            return _replied(start, source.failed(opening.error))
        if opening.is_stream:
            response.unread(start)
            return Opened(response.status)
    body = await _whole(response, start, limit)
    return _replied(body, await translated_reply.whole(source, body, limit, is_stream=False))


def _replied(body: bytes, reply: Reply) -> Opened:
    return Opened(reply.status, "" if reply.error is None else _described(reply.status, reply.error), body, reply)


async def _read(opening: Opening, response: UpstreamResponse, decoder: decoding.Decoder | None) -> bytes:
    """Read up to the first event, or as long as the head can wait. Returns the bytes that were read."""
    pieces: list[bytes] = []
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_EVENT_S):
            while size < _MOST_HELD:
                piece = await _next(response, size)
                if not piece:
                    opening.flush()
                    break
                pieces.append(piece)
                size += len(piece)
                if opening.feed(piece if decoder is None else decoder.feed(piece)):
                    break
    opening.decide()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _next(response: UpstreamResponse, size: int) -> bytes:
    try:
        return await response.read()
    except UpstreamError as error:
        raise _broke_off(response, size, error) from error


async def _whole(response: UpstreamResponse, start: bytes, limit: int) -> bytes:
    """The whole body, of which `start` was read. Raises UpstreamError if it breaks off or is too large."""
    pieces = [start] if start else []
    try:
        body = await read_whole(response, pieces, limit)
    except UpstreamError as error:
        raise _broke_off(response, sum(map(len, pieces)), error) from error
    if body is None:
        response.abandon()
        raise UpstreamError(502, f"{TOO_LARGE}: it has more than {limit} bytes")
    return body


def _broke_off(response: UpstreamResponse, size: int, error: UpstreamError) -> UpstreamError:
    if error.status == HTTPStatus.GATEWAY_TIMEOUT:  # its reason names the time-out of the config
        return UpstreamError(error.status, error.reason)
    return UpstreamError(error.status, f"broke off after status {response.status} and {size} bytes: {error.reason}")


def _described(status: int, error: ErrorInfo) -> str:
    return shorten(f"status {status} in the response: {error.message}", _LONGEST_SHOWN)
