"""Inbound: what the target answered goes into the record.

Nothing is held back unless synchronous response processors want to see the body before the caller does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import headers
from services.gl import payload, streams
from services.gl.answers import ReadAhead
from services.gl.call import Refusal, UpstreamError
from services.gl.payload import Recorded
from services.gl.stages.processors import rows_before_reply

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from services.gl.call import Answer, Call
    from services.gl.doors import Doors

_NOT_RECORDED = frozenset({"Transfer-Encoding"})


def receive(call: Call, _: Doors) -> Awaitable[None] | None:
    """Begin the response half of the record; read the body if response processors are waiting for it."""
    answer = call.required_answer()
    call.inbound_headers = answer.headers
    call.response_half.fields = {
        "gl_path": call.required_target_router().path,
        "inbound_status_code": answer.status,
        "inbound_headers": headers.masked(
            headers.without(call.inbound_headers, _NOT_RECORDED),
            call.config.masked,
        ),
    }
    if call.config.response.asks_transaction:
        half = call.response_half
        half.named = {**(half.named or {}), "transaction_id": call.ids.transaction_id}
    if call.config.response.rows and rows_before_reply(call):
        return _hold_back(call, answer)
    return None


async def _hold_back(call: Call, answer: Answer) -> None:
    """Read the whole body, so that processors can change it; one that is too large passes by without them."""
    limit = call.config.limits.response_buffer
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := await answer.read():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                _pass_by(call, ReadAhead(pieces, answer))
                return
    except UpstreamError as error:
        _broke_off(call, size, error)
        return
    call.mark_received()
    call.inbound_body = b"".join(pieces)
    record_body(call, call.inbound_body, completed=True)
    call.response_half.fields["egress_payload"] = call.response_half.fields["inbound_payload"]


def _pass_by(call: Call, answer: Answer) -> None:
    note = f"larger than {call.config.limits.response_buffer} bytes, the response processors were left out"
    call.response_half.note("inbound_payload", note)
    if any(processor.required for row in rows_before_reply(call) for processor in row):
        answer.abandon()
        raise Refusal(502, "answer too large for a required processor")
    call.answer = answer


def _broke_off(call: Call, size: int, error: UpstreamError) -> None:
    """Nothing has gone to the caller yet: the failure can still be told by status."""
    call.response_half.note("inbound_payload", f"broke off after {size} bytes: {error.reason}")
    raise Refusal(error.status, "failure making request")


def record_body(call: Call, body: bytes, *, completed: bool) -> None:
    """Put the body of an answer into the record: decoded, and folded into one object if it was a stream."""
    recorded = _recorded(call, body, completed=completed)
    call.response_half.fields["inbound_payload"] = recorded.value
    if recorded.note:
        call.response_half.note("inbound_payload", recorded.note)


def _recorded(call: Call, body: bytes, *, completed: bool) -> Recorded:
    content_type = headers.first(call.inbound_headers, "Content-Type")
    encoding = call.inbound_headers.get("Content-Encoding")
    if encoding and body:
        plain = payload.decoded(body, ",".join(encoding), payload.LARGEST_DECODED)
        if plain is None:
            return Recorded(payload.binary(body, content_type), "cannot be decoded, recorded by size and hash")
        body = plain
    if streams.is_stream(content_type):
        folded = streams.fold(body, content_type, completed=completed)
        if folded is not None:
            return Recorded(folded)
    elif body.lstrip()[:1] == b"[" and (folded := streams.fold_array(body)) is not None:  # Gemini streams an array
        return Recorded(folded)
    return payload.recorded(body, content_type)
