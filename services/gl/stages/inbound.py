"""Inbound: begins the response section of the record.

The body is buffered only if synchronous response processors must see it before the client does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from gecholog import headers
from gecholog.shorten import shorten
from services.gl.attempt.failure import failure
from services.gl.bodies.reading import BodyForm
from services.gl.bodies.transform import apply_transform
from services.gl.errors import TOO_LARGE, ErrorDetail, Refusal, UpstreamError
from services.gl.replies.response_body import Body, TooLong, inbound_form, record_body
from services.gl.responses.response import LocalResponse, PrefetchedResponse, read_whole
from services.gl.translation import translated_reply
from services.gl.translation.translated_reply import ProviderResponse, translation_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.http import Response
    from services.gl.responses.opened import Reply

_LONGEST_ERROR = 500  # characters of an error in a note
_NOT_RECORDED = frozenset({"Transfer-Encoding"})


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
    translation = translation_of(call.required_attempt(), response.status)
    if translation is None or isinstance(response, LocalResponse):
        return _hold_back(call, response) if has_processors else None
    source, opened = ProviderResponse(response.status, response.headers, translation), call.opened
    if opened is not None and opened.reply is not None:
        call.mark_received()
        return _reply_with(call, opened.body, opened.reply)
    if opened is None or has_processors:
        return _translate(call, response, source, is_stream=opened is not None)
    _begin_stream(call, source)
    return None


async def _translate(call: Call, response: Response, source: ProviderResponse, *, is_stream: bool) -> None:
    """Translate the whole body: an error, or a stream that response processors must see."""
    body = await _read(call, response, [])
    if body is None:
        limit = call.config.limits.response_buffer
        response.abandon()
        raise Refusal(502, TOO_LARGE, detail=ErrorDetail(502, f"{TOO_LARGE}: it has more than {limit} bytes"))
    call.mark_received()
    limit = call.config.limits.response_buffer
    await _reply_with(call, body, await translated_reply.whole(source, body, limit, is_stream=is_stream))


def _begin_stream(call: Call, source: ProviderResponse) -> None:
    """Let egress translate the stream event by event."""
    call.reply_headers = translated_reply.reply_headers(call.inbound_headers, translated_reply.SSE)
    stream = source.translation.stream()
    transform = source.transform(stream, call.config.limits.response_buffer)
    call.revise(call.required_attempt()._replace(transform=transform, stream=stream))


async def _reply_with(call: Call, body: bytes, reply: Reply) -> None:
    """Set the reply to a body that was read whole, and record both."""
    call.inbound_body, call.egress_body, call.reply_status = body, reply.body, reply.status
    call.reply_headers = translated_reply.reply_headers(call.inbound_headers, reply.content_type)
    form = inbound_form(call)
    sent = Body(reply.body, BodyForm.of(call.reply_headers, form.request))
    if reply.error is not None:
        call.response_section.note(
            "inbound_payload", call.recorded_message(shorten(reply.error.message, _LONGEST_ERROR))
        )
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
    try:
        return await read_whole(response, pieces, call.config.limits.response_buffer)
    except UpstreamError as error:
        _broke_off(call, sum(map(len, pieces)), error)


async def _record(call: Call, received: Body, sent: Body | None) -> None:
    """Record the body of the response, and the one that is sent in its place."""
    try:
        record_body(call, received, sent, at_once=True)
    except TooLong:
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
