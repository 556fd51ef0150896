"""Inbound: begins the response section of the record.

The body is buffered only if synchronous response processors must see it before the client does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from gecholog import headers
from services.gl import translated_reply
from services.gl.body_reading import BodyForm
from services.gl.errors import ErrorDetail, Refusal, UpstreamError
from services.gl.record import payload
from services.gl.response_body import Body, TakesLong, inbound_form, record_body
from services.gl.responses import LocalResponse, PrefetchedResponse
from services.gl.target_failure import failure
from services.gl.transform import apply_transform
from services.gl.translated_reply import ProviderResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.http import Response
    from services.gl.translated_reply import Reply

_NOT_RECORDED = frozenset({"Transfer-Encoding"})
_MOST_PIECES = 256  # of a stream that are held back because they have no event, only comments for example


def receive(call: Call, deps: Dependencies) -> Awaitable[None] | None:
    """Begin the response section of the record. Buffer the body if the call has synchronous response processors."""
    response = call.required_response()
    call.inbound_headers = call.reply_headers = response.headers
    call.max_parsed = call.config.max_parsed_response(deps.bus.max_payload)
    call.response_section.fields = {
        "gl_path": call.target_router.path,
        "inbound_status_code": response.status,
        "inbound_headers": headers.masked(
            headers.without(call.inbound_headers, _NOT_RECORDED),
            call.config.masked,
        ),
    }
    if call.config.response.asks_transaction:
        section = call.response_section
        section.opt_in_fields = {**(section.opt_in_fields or {}), "transaction_id": call.ids.transaction_id}
    has_processors = bool(call.config.response.sync_rows and call.response_rows)
    translation = call.required_attempt().translation
    if translation is not None and not isinstance(response, LocalResponse):
        return _translate(
            call,
            response,
            ProviderResponse(response.status, response.headers, translation),
            has_processors=has_processors,
        )
    return _hold_back(call, response) if has_processors else None


async def _translate(call: Call, response: Response, source: ProviderResponse, *, has_processors: bool) -> None:
    """Translate the response: a stream event by event, any other body when it is complete."""
    if source.is_streamed and not has_processors:
        await _begin_stream(call, response, source)
        return
    body = await _read(call, response, [])
    if body is None:
        text, limit = "response too large to translate", call.config.limits.response_buffer
        response.abandon()
        raise Refusal(502, text, detail=ErrorDetail(502, f"{text}: it has more than {limit} bytes"))
    call.mark_received()
    await _reply_with(call, body, await translated_reply.whole(source, body, call.config.limits.response_buffer))


async def _begin_stream(call: Call, response: Response, source: ProviderResponse) -> None:
    """Read a stream up to its first event, because an error in its place can still be a status."""
    stream, limit = source.translation.stream(), call.config.limits.response_buffer
    first = source.transform(stream, limit)
    pieces: list[bytes] = []
    try:
        while not stream.has_begun and len(pieces) < _MOST_PIECES:
            piece = await response.read()
            if not piece:
                first.flush()
                break
            pieces.append(piece)
            first.feed(piece)
    except UpstreamError as error:
        _broke_off(call, sum(map(len, pieces)), error)
    if stream.error is not None and not stream.has_output:
        response.abandon()
        await _reply_with(call, b"".join(pieces), source.failed(stream.error))
        return
    call.response = PrefetchedResponse(pieces, response)
    call.reply_headers = translated_reply.reply_headers(call.inbound_headers, translated_reply.SSE)
    stream = source.translation.stream()
    call.revise(call.required_attempt()._replace(transform=source.transform(stream, limit), stream=stream))


async def _reply_with(call: Call, body: bytes, reply: Reply) -> None:
    """Set the reply to a body that was read whole, and record both."""
    call.inbound_body, call.egress_body, call.reply_status = body, reply.body, reply.status
    call.reply_headers = translated_reply.reply_headers(call.inbound_headers, reply.content_type)
    form = inbound_form(call)
    sent = Body(reply.body, BodyForm.of(call.reply_headers, form.request))
    await _record(call, Body(body, form), sent)


async def _hold_back(call: Call, response: Response) -> None:
    """Read the whole body, so that processors can change it. A body that is too large skips the processors."""
    pieces: list[bytes] = []
    body = await _read(call, response, pieces)
    if body is None:
        _skip_processors(call, PrefetchedResponse(pieces, response))
        return
    call.mark_received()
    call.inbound_body = body
    transform = call.required_attempt().transform
    call.egress_body = apply_transform(call.inbound_body, transform)
    received = Body(call.inbound_body, inbound_form(call))
    sent = received._replace(data=call.egress_body) if transform is not None and transform.rewrites else None
    await _record(call, received, sent)


async def _read(call: Call, response: Response, pieces: list[bytes]) -> bytes | None:
    """The whole body, of which `pieces` are kept; None if it is too large. Raises Refusal if it breaks off."""
    limit, size = call.config.limits.response_buffer, 0
    try:
        while piece := await response.read():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                return None
    except UpstreamError as error:
        _broke_off(call, size, error)
    return b"".join(pieces) if size <= payload.AT_ONCE else await asyncio.to_thread(b"".join, pieces)


async def _record(call: Call, received: Body, sent: Body | None) -> None:
    """Record the body of the response, and the one that is sent in its place."""
    try:
        record_body(call, received, sent, at_once=True)
    except TakesLong:
        await asyncio.to_thread(record_body, call, received, sent)


def _skip_processors(call: Call, response: Response) -> None:
    note = f"larger than {call.config.limits.response_buffer} bytes, the response processors were skipped"
    call.response_section.note("inbound_payload", note)
    if any(processor.required for row in call.response_rows for processor in row):
        response.abandon()
        text = "answer too large for a required processor"
        limit = call.config.limits.response_buffer
        raise Refusal(502, text, detail=ErrorDetail(502, f"{text}: it has more than {limit} bytes"))
    call.response = response


def _broke_off(call: Call, size: int, error: UpstreamError) -> NoReturn:
    """Refuse the call. Nothing has been sent to the client yet, so the failure still has a status."""
    call.response_section.note("inbound_payload", f"broke off after {size} bytes: {error.reason}")
    raise failure(call.target_router, error)
