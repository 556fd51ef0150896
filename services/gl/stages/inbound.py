"""Inbound: what the target answered goes into the record.

Nothing is held back unless synchronous response processors want to see the body before the caller does.
"""

from __future__ import annotations

import asyncio
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, NamedTuple

from gecholog import headers, llm
from gecholog.rawjson import Raw, dumps
from services.gl.answers import LocalAnswer, ReadAhead
from services.gl.errors import ErrorDetail, Refusal, UpstreamError
from services.gl.record import payload
from services.gl.record.payload import Recorded
from services.gl.stages.processors import rows_before_reply
from services.gl.target_failure import failure

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from services.gl.call import Call
    from services.gl.doors import Doors
    from services.gl.http import Response

_NOT_RECORDED = frozenset({"Transfer-Encoding"})
_KEPT_AT_LEAST = 8 * 1024 * 1024  # bytes of an answer that asynchronous processors can be given
_MEDIA = frozenset({"image", "audio", "video", "font"})
NO_USAGE = Raw(dumps(llm.NONE.fields()))
NOT_COUNTED = "its usage is not counted"
_UNKNOWN = "a stream of a dialect that gl does not know, so its usage is not counted"


def receive(call: Call, doors: Doors) -> Awaitable[None] | None:
    """Begin the response section of the record; read the body if response processors are waiting for it."""
    answer = call.required_answer()
    call.inbound_headers = answer.headers
    call.most = call.config.most_of_response(doors.bus.max_payload)
    call.response_section.fields = {
        "gl_path": call.target_router.path,
        "inbound_status_code": answer.status,
        "inbound_headers": headers.masked(
            headers.without(call.inbound_headers, _NOT_RECORDED),
            call.config.masked,
        ),
    }
    if call.config.response.asks_transaction:
        section = call.response_section
        section.opt_in_fields = {**(section.opt_in_fields or {}), "transaction_id": call.ids.transaction_id}
    if call.config.response.rows and rows_before_reply(call):
        return _hold_back(call, answer)
    return None


async def _hold_back(call: Call, answer: Response) -> None:
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
    if size <= payload.AT_ONCE:
        call.inbound_body = b"".join(pieces)
    else:
        call.inbound_body = await asyncio.to_thread(b"".join, pieces)
    try:
        record_body(call, call.inbound_body, completed=True, at_once=True)
    except TakesLong:
        await asyncio.to_thread(record_body, call, call.inbound_body, completed=True)
    call.response_section.fields["egress_payload"] = call.response_section.fields["inbound_payload"]


def _pass_by(call: Call, answer: Response) -> None:
    note = f"larger than {call.config.limits.response_buffer} bytes, the response processors were left out"
    call.response_section.note("inbound_payload", note)
    if any(processor.required for row in rows_before_reply(call) for processor in row):
        answer.abandon()
        text = "answer too large for a required processor"
        limit = call.config.limits.response_buffer
        raise Refusal(502, text, detail=ErrorDetail(502, f"{text}: it has more than {limit} bytes"))
    call.answer = answer


def _broke_off(call: Call, size: int, error: UpstreamError) -> None:
    """Nothing has gone to the caller yet: the failure can still be told by status."""
    call.response_section.note("inbound_payload", f"broke off after {size} bytes: {error.reason}")
    raise failure(call.target_router, error)


class Streamed(NamedTuple):
    """A stream: its body without content encoding, the one object that it amounts to, and if all could be decoded."""

    body: bytes
    answer: llm.Answer
    is_whole: bool = True


class TakesLong(Exception):
    """The work would hold up other calls: it is for a thread."""


def kept(call: Call) -> int:
    """Bytes of the body of an answer, decoded, that are kept for the record and for processors.

    A stream is many times as large as what it is folded into: more of it is kept than of another body.
    """
    if llm.is_stream(headers.first(call.inbound_headers, "Content-Type")):
        return call.config.limits.response_buffer
    return max(call.config.log_max_payload, _KEPT_AT_LEAST)


def may_have_usage(call: Call) -> bool:
    """Whether an answer is of a kind in which usage may be told, as an image is not."""
    kind = headers.first(call.inbound_headers, "Content-Type").partition("/")[0]
    return kind.strip().lower() not in _MEDIA


class Read(NamedTuple):
    """What was made of a body: its value for the record, what it was folded from and into, and its token usage."""

    recorded: Recorded
    streamed: Streamed | None = None
    usage: llm.Usage | None = None


def record_body(call: Call, body: bytes, *, completed: bool, at_once: bool = False) -> Streamed | None:
    """Put the body of an answer into the record: decoded, and folded into one object if it was a stream.

    Returns what it was folded from and into; None if it was no stream, or one of a dialect that is not known. Raises
    TakesLong, before anything is done, if it should be done `at_once` and is large, or unpacks to much.
    """
    limit = kept(call)
    if at_once and len(body) > payload.AT_ONCE:
        raise TakesLong
    read = _recorded(call, body, min(limit, payload.AT_ONCE) if at_once else limit, completed=completed)
    recorded = read.recorded
    if at_once and payload.is_cut_at(recorded.value, payload.AT_ONCE):
        raise TakesLong
    payload.cut_to(recorded.value, call.config.log_max_payload)  # hashing takes long: not when the record is written
    call.response_section.fields["inbound_payload"] = recorded.value
    is_cut = isinstance(recorded.value, payload.Cut)
    usage = _usage_of_encoded(call, body) if is_cut and read.usage is None and encoding_of(call) else read.usage
    set_usage(call, usage)
    if recorded.note:
        is_uncounted = is_cut and usage is None and may_have_usage(call)
        call.response_section.note("inbound_payload", recorded.note + (f": {NOT_COUNTED}" if is_uncounted else ""))
    return read.streamed


def set_usage(call: Call, usage: llm.Usage | None) -> None:
    """Note the token usage of an answer, for the record and for processors that ask for it.

    What gl answers itself has used none, whatever is written in it.
    """
    if usage is not None and not isinstance(call.answer, LocalAnswer):
        call.usage, call.usage_shown = usage, Raw(dumps(usage.fields()))
    if call.config.response.asks_usage:
        section = call.response_section
        section.opt_in_fields = {**(section.opt_in_fields or {}), "usage": call.usage_shown or NO_USAGE}


def encoding_of(call: Call) -> str:
    """The Content-Encoding of an answer, empty if it has none."""
    return ",".join(call.inbound_headers.get("Content-Encoding", ()))


def _usage_of_encoded(call: Call, body: bytes) -> llm.Usage | None:
    """The usage in a body that is too large when it is decoded: it is decoded once more, and only its ends are kept."""
    ends = payload.ends_of(body, encoding_of(call), call.config.limits.response_buffer)
    return llm.usage_at_ends(ends.head, ends.tail) if ends is not None and may_have_usage(call) else None


def _recorded(call: Call, body: bytes, limit: int, *, completed: bool) -> Read:
    """The body for the record; `limit` is for what it unpacks to."""
    content_type = headers.first(call.inbound_headers, "Content-Type")
    opened = payload.opened(body, encoding_of(call), content_type, limit)
    if opened.instead is not None:
        return Read(opened.instead)
    is_whole = opened.note is None
    read = _read(call, opened.data, content_type, completed=completed and is_whole)
    streamed = read.streamed and read.streamed._replace(is_whole=is_whole)
    return Read(opened.noted(read.recorded), streamed, read.usage)


def _read(call: Call, body: bytes, content_type: str, *, completed: bool) -> Read:
    """A body without content encoding for the record."""
    if _is_stream(call, body, content_type):
        folded = llm.fold(body, content_type, completed=completed)
        if folded is not None:
            return Read(payload.settled(folded, call.most), Streamed(body, folded), llm.usage_of(folded))
        recorded = payload.recorded(body, content_type, call.most)
        usage = llm.usage_of_events(llm.events_of(body, content_type))
        if recorded.note and usage is None:
            recorded = recorded._replace(note=f"{recorded.note}: {_UNKNOWN}")
        return Read(recorded, usage=usage)
    start = body.removeprefix(BOM_UTF8).lstrip()[:1]
    if start == b"[" and (folded := llm.fold_array(body)) is not None:  # Gemini streams an array
        return Read(payload.settled(folded, call.most), usage=llm.usage_of(folded))
    usage = llm.usage_in(body) if start == b"{" else None
    return Read(payload.recorded(body, content_type, call.most), usage=usage)


def _is_stream(call: Call, body: bytes, content_type: str) -> bool:
    """Tell whether a body is a stream: it is announced as one, or one was asked for and it looks like events."""
    if llm.is_stream(content_type):
        return True
    return llm.looks_streamed(body) and asked_for_stream(call)


def asked_for_stream(call: Call) -> bool:
    """Whether the request that went out wanted its answer as a stream."""
    outbound = call.required_attempt().request
    return llm.asks_for_stream(llm.Asked(outbound.path, outbound.query, outbound.headers, outbound.body))
