"""Inbound: begins the response section of the record.

The body is buffered only if synchronous response processors must see it before the client does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog import headers
from services.gl.errors import ErrorDetail, Refusal, UpstreamError
from services.gl.record import payload
from services.gl.response_body import Body, TakesLong, inbound_form, record_body
from services.gl.responses import PrefetchedResponse
from services.gl.target_failure import failure
from services.gl.transform import apply_transform

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.http import Response

_NOT_RECORDED = frozenset({"Transfer-Encoding"})


def receive(call: Call, deps: Dependencies) -> Awaitable[None] | None:
    """Begin the response section of the record. Buffer the body if the call has synchronous response processors."""
    response = call.required_response()
    call.inbound_headers = response.headers
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
    if call.config.response.sync_rows and call.rows_before_reply:
        return _hold_back(call, response)
    return None


async def _hold_back(call: Call, response: Response) -> None:
    """Read the whole body, so that processors can change it. A body that is too large skips the processors."""
    limit = call.config.limits.response_buffer
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := await response.read():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                _skip_processors(call, PrefetchedResponse(pieces, response))
                return
    except UpstreamError as error:
        _broke_off(call, size, error)
        return
    call.mark_received()
    if size <= payload.AT_ONCE:
        call.inbound_body = b"".join(pieces)
    else:
        call.inbound_body = await asyncio.to_thread(b"".join, pieces)
    transform = call.required_attempt().transform
    call.egress_body = apply_transform(call.inbound_body, transform)
    received = Body(call.inbound_body, inbound_form(call))
    sent = received._replace(data=call.egress_body) if transform is not None and transform.rewrites else None
    try:
        record_body(call, received, sent, at_once=True)
    except TakesLong:
        await asyncio.to_thread(record_body, call, received, sent)


def _skip_processors(call: Call, response: Response) -> None:
    note = f"larger than {call.config.limits.response_buffer} bytes, the response processors were left out"
    call.response_section.note("inbound_payload", note)
    if any(processor.required for row in call.rows_before_reply for processor in row):
        response.abandon()
        text = "answer too large for a required processor"
        limit = call.config.limits.response_buffer
        raise Refusal(502, text, detail=ErrorDetail(502, f"{text}: it has more than {limit} bytes"))
    call.response = response


def _broke_off(call: Call, size: int, error: UpstreamError) -> None:
    """Refuse the call. Nothing has been sent to the client yet, so the failure still has a status."""
    call.response_section.note("inbound_payload", f"broke off after {size} bytes: {error.reason}")
    raise failure(call.target_router, error)
