"""The body of a response in the record, with its token usage: read at once, or captured while it was streamed."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from gecholog import headers, llm
from gecholog.timer import span
from services.gl.answers import LocalAnswer
from services.gl.body_reading import BodyForm, BodyReading, read_body
from services.gl.capture import BodyCapture
from services.gl.record import payload
from services.gl.record.usage import usage_json

if TYPE_CHECKING:
    from services.gl.body_reading import Streamed
    from services.gl.call import Call

_KEPT_AT_LEAST = 8 * 1024 * 1024  # bytes of an answer that asynchronous processors can be given
_NOT_COUNTED = "its usage is not counted"


class TakesLong(Exception):
    """The work would hold up other calls: it is for a thread."""


def capture_of(call: Call, length: int | None) -> BodyCapture:
    """A capture of the body that is to come; `length` is its size in bytes, if that is known."""
    form = form_of(call)
    of_stream, most = call.config.limits.response_buffer, _kept(call, form)
    if form.encoding:  # its usage shows only when it is decoded, from its beginning
        most = max(most, of_stream)
    return BodyCapture(form, length, most, of_stream)


def form_of(call: Call) -> BodyForm:
    """What is known of the body that came before it is read."""
    came = call.inbound_headers
    encoding = ",".join(came.get("Content-Encoding", ()))
    return BodyForm(headers.first(came, "Content-Type"), encoding, call.required_attempt().request)


def record_body(call: Call, body: bytes, form: BodyForm, *, completed: bool, at_once: bool = False) -> Streamed | None:
    """Put the body of an answer into the record: decoded, and folded into one object if it was a stream.

    Returns what it was folded from and into; None if it was no stream, or one of a dialect that is not known. Raises
    TakesLong, before anything is done, if it should be done `at_once` and is large, or unpacks to much.
    """
    reading = _read(call, body, form, completed=completed, at_once=at_once)
    recorded = reading.recorded
    payload.cut_to(recorded.value, call.config.log_max_payload)  # hashing takes long: not when the record is written
    call.response_section.fields["inbound_payload"] = recorded.value
    is_cut = isinstance(recorded.value, payload.Cut)
    usage = _usage_of_encoded(call, body, form) if is_cut and reading.usage is None and form.encoding else reading.usage
    _set_usage(call, usage)
    if recorded.note:
        is_uncounted = is_cut and usage is None and form.may_have_usage
        call.response_section.note("inbound_payload", recorded.note + (f": {_NOT_COUNTED}" if is_uncounted else ""))
    return reading.streamed


def record_capture(call: Call, capture: BodyCapture, *, completed: bool, at_once: bool = False) -> None:
    """Put what was captured into the record of its call; `completed` if the body, or its stream, came to its end.

    Raises TakesLong, before anything is done, if it should be done `at_once` and would hold up other calls.
    """
    if at_once and capture.copy.size > payload.AT_ONCE:
        raise TakesLong
    whole = capture.copy.whole
    if whole is None:
        _record_summary(call, capture)
    else:
        completed = _record_whole(call, capture, whole, completed=completed, at_once=at_once)
    fields = call.response_section.fields
    fields["egress_payload"] = fields["inbound_payload"]
    if not completed or capture.is_stream:
        fields["inbound_stream"] = _stream(call, capture, completed=completed)
    capture.is_recorded = True
    capture.copy.clear()


def _record_summary(call: Call, capture: BodyCapture) -> None:
    form, copy = capture.form, capture.copy
    cut = call.response_section.fields["inbound_payload"] = copy.summary()
    note = f"larger than {cut.limit} bytes, recorded by size, hash and head"
    may_be_counted = capture.is_sse or form.may_have_usage
    ends, usage = copy.ends, None
    if may_be_counted and not form.encoding:
        usage = llm.usage_at_ends(ends.head, ends.tail)
    _set_usage(call, usage)
    is_uncounted = may_be_counted and usage is None
    call.response_section.note("inbound_payload", f"{note}: {_NOT_COUNTED}" if is_uncounted else note)


def _record_whole(call: Call, capture: BodyCapture, whole: bytes, *, completed: bool, at_once: bool) -> bool:
    """Record a body that was kept. Returns whether it is complete: an error in place of its end says that not."""
    streamed = record_body(call, whole, capture.form, completed=completed, at_once=at_once)
    if streamed is None:
        return completed
    capture.is_stream = True
    completed = completed and streamed.is_whole
    folded = streamed.answer
    if llm.is_error(folded.get("error")) and not llm.has_ended(streamed.body):
        call.response_section.note("inbound_stream", "the target sent an error in its stream")
        completed = False
    if not completed:
        told = "what had come of its usage is counted" if llm.is_counted(folded) else _NOT_COUNTED
        call.response_section.note("inbound_stream", f"did not come to its end: {told}")
    return completed


def _stream(call: Call, capture: BodyCapture, *, completed: bool) -> dict[str, Any]:
    began = capture.began or monotonic_ns()
    sent = call.sent or began
    return {"chunks": capture.copy.pieces, "first_chunk_timer": span(sent, began), "completed": completed}


def _kept(call: Call, form: BodyForm) -> int:
    """Bytes of the body of an answer, decoded, that are kept for the record and for processors.

    A stream is many times as large as what it is folded into: more of it is kept than of another body.
    """
    if form.is_stream:
        return call.config.limits.response_buffer
    return max(call.config.log_max_payload, _KEPT_AT_LEAST)


def _read(call: Call, body: bytes, form: BodyForm, *, completed: bool, at_once: bool) -> BodyReading:
    """Read a body, if need be `at_once`. Raises TakesLong."""
    if not at_once:
        return read_body(body, form, _kept(call, form), call.most, completed=completed)
    if len(body) > payload.AT_ONCE:
        raise TakesLong
    limit = min(_kept(call, form), payload.AT_ONCE)
    reading = read_body(body, form, limit, call.most, completed=completed)
    if payload.is_cut_at(reading.recorded.value, payload.AT_ONCE):
        raise TakesLong
    return reading


def _usage_of_encoded(call: Call, body: bytes, form: BodyForm) -> llm.Usage | None:
    """The usage in a body that is too large when it is decoded: it is decoded once more, and only its ends are kept."""
    ends = payload.ends_of(body, form.encoding, call.config.limits.response_buffer)
    return llm.usage_at_ends(ends.head, ends.tail) if ends is not None and form.may_have_usage else None


def _set_usage(call: Call, usage: llm.Usage | None) -> None:
    """Note the token usage of an answer, for the record and for processors that ask for it.

    What gl answers itself has used none, whatever is written in it.
    """
    if usage is not None and not isinstance(call.answer, LocalAnswer):
        call.usage, call.usage_shown = usage, usage_json(usage)
    if call.config.response.asks_usage:
        section = call.response_section
        section.opt_in_fields = {**(section.opt_in_fields or {}), "usage": call.usage_shown}
