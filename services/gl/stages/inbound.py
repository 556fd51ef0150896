"""Inbound: what the target answered goes into the record.

Nothing is held back unless synchronous response processors want to see the body before the caller does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
_UNKNOWN = "a stream of a dialect that gl does not know, so its usage is not counted"


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


class Streamed(NamedTuple):
    """A stream: its body without content encoding, and the one object that it amounts to."""

    body: bytes
    answer: streams.Answer


def record_body(call: Call, body: bytes, *, completed: bool) -> Streamed | None:
    """Put the body of an answer into the record: decoded, and folded into one object if it was a stream.

    Returns what it was folded from and into; None if it was no stream, or one of a dialect that is not known.
    """
    recorded, streamed = _recorded(call, body, completed=completed)
    call.response_half.fields["inbound_payload"] = recorded.value
    if recorded.note:
        call.response_half.note("inbound_payload", recorded.note)
    return streamed


def _recorded(call: Call, body: bytes, *, completed: bool) -> tuple[Recorded, Streamed | None]:
    content_type = headers.first(call.inbound_headers, "Content-Type")
    encoding = call.inbound_headers.get("Content-Encoding")
    if encoding and body:
        plain = payload.decoded(body, ",".join(encoding), payload.LARGEST_DECODED)
        if plain is None:
            note = "cannot be decoded, recorded by size and hash"
            return Recorded(payload.binary(body, content_type), note), None
        body = plain
    if _is_stream(call, body, content_type):
        folded = streams.fold(body, content_type, completed=completed)
        if folded is not None:
            return Recorded(folded), Streamed(body, folded)
        recorded = payload.recorded(body, content_type)
        return recorded._replace(note=recorded.note and f"{recorded.note}: {_UNKNOWN}"), None
    if body.lstrip()[:1] == b"[" and (folded := streams.fold_array(body)) is not None:  # Gemini streams an array
        return Recorded(folded), None
    return payload.recorded(body, content_type), None


def _is_stream(call: Call, body: bytes, content_type: str) -> bool:
    """Tell whether a body is a stream: it is announced as one, or one was asked for and it looks like events."""
    if streams.is_stream(content_type):
        return True
    return streams.looks_streamed(body) and asked_for_stream(call)


def asked_for_stream(call: Call) -> bool:
    """Whether the request that went out wanted its answer as a stream."""
    outbound = call.required_outbound()
    return streams.asks_for_stream(streams.Asked(outbound.path, outbound.query, outbound.headers, outbound.body))
