"""Puts response bodies, buffered or captured, into the record, with their token usage."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from gecholog import llm, rawjson
from gecholog.errors import NotJson
from gecholog.llm.usage_estimate import estimate_usage
from gecholog.rawjson import Raw
from gecholog.shorten import shorten
from gecholog.timer import span
from services.gl.bodies.capture import BodyCapture
from services.gl.bodies.reading import BodyForm, BodyReading, read_body
from services.gl.record import payload
from services.gl.record.payload import Recorded
from services.gl.record.usage import usage_json
from services.gl.responses.response import LocalResponse
from services.gl.usage.call_cost import Answered, cost_of_answer

if TYPE_CHECKING:
    from gecholog.llm.errors import ErrorInfo
    from services.gl.bodies.reading import Streamed
    from services.gl.call import Call

_OUTBOUND = "outbound_payload"
_SUCCESS = range(200, 300)
_ESTIMATED_AT_ONCE = 16 * 1024  # bytes of request and response whose tokens are counted on the event loop
_LEAST_COPY = 8 * 1024 * 1024  # bytes of a body that asynchronous processors can get, even if records have fewer
_LONGEST_ERROR = 500  # characters of an error in a note
_NOT_COUNTED = "its usage is not counted"


class TooLong(Exception):
    """The work takes too long for the event loop: do it in a thread."""


class Body(NamedTuple):
    """A whole body and its form."""

    data: bytes
    form: BodyForm


def capture_inbound(call: Call, length: int | None) -> BodyCapture:
    """Create a capture of the inbound body. `length` is its size in bytes, None if unknown."""
    return _capture(call, inbound_form(call), length)


def capture_egress(call: Call) -> BodyCapture:
    """Create a capture of the egress body, for a transform that rewrites bodies."""
    return _capture(call, BodyForm.of(call.required_egress().headers, call.required_attempt().request), None)


def _capture(call: Call, form: BodyForm, length: int | None) -> BodyCapture:
    of_stream, other = call.config.limits.response_buffer, _copy_limit(call, form)
    if form.encoding:  # finding its usage needs all encoded bytes
        other = max(other, of_stream)
    return BodyCapture(form, length, other, of_stream)


def inbound_form(call: Call) -> BodyForm:
    """The form of the inbound body."""
    return BodyForm.of(call.inbound_headers, call.required_attempt().request)


def record_body(call: Call, received: Body, sent: Body | None = None, *, at_once: bool = False) -> None:
    """Put a whole body into the record: decoded, and folded into one object if it is a stream.

    `sent` is the rewritten body if a transform changed the one `received`. With `at_once`, raises TooLong before
    doing anything if the body is large, also after decoding.
    """
    inbound = _estimated(call, _read(call, *received, completed=True, at_once=at_once), at_once=at_once)
    egress = None if sent is None else _read(call, *sent, completed=True, at_once=at_once)
    if at_once:
        _refuse_long_searches(call, inbound, egress)
    _record_inbound(call, inbound, received.form)
    _record_egress(call, egress)


def record_capture(call: Call, capture: BodyCapture, *, completed: bool, at_once: bool = False) -> None:
    """Put a captured body into the record. `completed`: the body, or the stream in it, was received to its end.

    With `at_once`, raises TooLong before doing anything if the body is large.
    """
    sent = call.egress_capture
    failed = _stream_error(call) if completed else None
    completed = completed and failed is None
    inbound = _read_capture(call, capture, completed=completed, at_once=at_once)
    inbound = _estimated(call, inbound, at_once=at_once)
    egress = None if sent is None else _read_capture(call, sent, completed=completed, at_once=at_once)
    if at_once:
        _refuse_long_searches(call, inbound, egress)
    _record_inbound(call, inbound, capture.form, is_sse=capture.is_sse and capture.copy.whole is None)
    _record_egress(call, egress)
    if failed is not None:
        message = call.recorded_message(shorten(failed.message, _LONGEST_ERROR))
        call.response_section.note("inbound_stream", message)
    if inbound.streamed is not None:
        completed = _ended(call, inbound.streamed, completed=completed)
    if not completed or inbound.streamed is not None or capture.form.is_stream:
        call.response_section.fields["inbound_stream"] = _stream(call, capture, completed=completed)
    capture.is_recorded = True
    capture.copy.clear()
    if sent is not None:
        sent.copy.clear()


def _stream_error(call: Call) -> ErrorInfo | None:
    """The error that ended a translated stream, such as the missing end of the answer."""
    stream = call.required_attempt().stream
    return None if stream is None else stream.error


def _read(call: Call, data: bytes, form: BodyForm, *, completed: bool, at_once: bool) -> BodyReading:
    """Read a whole body. With `at_once`, raises TooLong if that takes long."""
    limit = _copy_limit(call, form)
    if at_once:
        if len(data) > payload.AT_ONCE:
            raise TooLong
        limit = min(limit, payload.AT_ONCE)
    reading = read_body(data, form, limit, call.max_parsed, completed=completed)
    if not isinstance(reading.recorded.value, payload.Truncated):
        return reading
    if at_once and payload.is_truncated_at(reading.recorded.value, payload.AT_ONCE):
        raise TooLong
    if form.encoding and reading.usage is None:
        return reading._replace(usage=_usage_of_encoded(call, data, form))
    return reading


def _read_capture(call: Call, capture: BodyCapture, *, completed: bool, at_once: bool) -> BodyReading:
    """Read a captured body, or its ends if it exceeded the copy limit. Raises TooLong."""
    if at_once and capture.copy.size > payload.AT_ONCE:
        raise TooLong
    whole, form = capture.copy.whole, capture.form
    if whole is not None:
        return _read(call, whole, form, completed=completed, at_once=at_once)
    cut, ends = capture.copy.summary(), capture.copy.ends
    may_be_counted = (capture.is_sse or form.may_have_usage) and not form.encoding
    usage = llm.usage_at_ends(ends.head, ends.tail) if may_be_counted else None
    return BodyReading(Recorded(cut, f"larger than {cut.limit} bytes, recorded by size, hash and head"), usage=usage)


def _estimated(call: Call, reading: BodyReading, *, at_once: bool) -> BodyReading:
    """The reading with an estimate if a successful response reports no usage, and the config asks for it.

    With `at_once`, raises TooLong if the texts are long.
    """
    count, answer = call.config.usage.counter, reading.recorded.value
    if count is None or reading.usage is not None or not isinstance(answer, Raw) or not _may_be_estimated(call):
        return reading
    asked = call.request_section.fields.get(_OUTBOUND)
    request = asked if isinstance(asked, Raw) else b"null"
    if at_once and len(answer) + len(request) > _ESTIMATED_AT_ONCE:
        raise TooLong
    try:
        return reading._replace(usage=estimate_usage(rawjson.loads(request), rawjson.loads(answer), count))
    except NotJson:  # no parser here reads it
        return reading


def _may_be_estimated(call: Call) -> bool:
    """Whether the response is that of an upstream to a request that may have generated something."""
    response = call.response
    if response is None or isinstance(response, LocalResponse) or response.status not in _SUCCESS:
        return False
    return call.request.method == "POST"


def _record_inbound(call: Call, reading: BodyReading, form: BodyForm, *, is_sse: bool = False) -> None:
    """Record the inbound body. `is_sse`: only its first bytes show that it is a stream, the rest was not captured."""
    value, note = reading.recorded
    _prepare(call, value)
    if call.privacy is not None:
        _prepare(call, call.request_section.fields.get(_OUTBOUND))
    call.response_section.fields["inbound_payload"] = value
    _set_usage(call, reading)
    if note:
        may_have_usage = is_sse or form.may_have_usage
        is_uncounted = isinstance(value, payload.Truncated) and reading.usage is None and may_have_usage
        call.response_section.note("inbound_payload", f"{note}: {_NOT_COUNTED}" if is_uncounted else note)


def _record_egress(call: Call, reading: BodyReading | None) -> None:
    """Record the egress body. Without a reading it is the inbound body."""
    section = call.response_section
    if reading is None:
        section.fields["egress_payload"] = section.fields["inbound_payload"]
        return
    value, note = reading.recorded
    _prepare(call, value)
    section.fields["egress_payload"] = value
    if note:
        section.note("egress_payload", note)


def _refuse_long_searches(call: Call, *readings: BodyReading | None) -> None:
    """Raise TooLong if a payload is large and has to be searched for what the record must not show.

    Of the request it is the one that was sent: processors or a translation may have replaced what was received.
    """
    if (privacy := call.privacy) is None:
        return
    values = [reading.recorded.value for reading in readings if reading is not None]
    if any(map(privacy.takes_long, [*values, call.request_section.fields.get(_OUTBOUND)])):
        raise TooLong


def _prepare(call: Call, value: Any) -> None:
    """Make what the record shows in place of a payload, which takes long: this may be a thread."""
    shorter = payload.truncate_to(value, call.config.log_max_payload)
    if (privacy := call.privacy) is not None:
        privacy.prepare(shorter)


def _ended(call: Call, streamed: Streamed, *, completed: bool) -> bool:
    """Tell whether a stream is complete. A complete body may still end in an error event. Notes why it is not."""
    completed = completed and streamed.is_complete
    folded = streamed.folded
    if llm.is_error(folded.get("error")) and not llm.has_ended(streamed.body):
        call.response_section.note("inbound_stream", "the target sent an error in its stream")
        completed = False
    if not completed:
        usage_note = "the usage received so far is counted" if llm.is_counted(folded) else _NOT_COUNTED
        call.response_section.note("inbound_stream", f"ended early: {usage_note}")
    return completed


def _stream(call: Call, capture: BodyCapture, *, completed: bool) -> dict[str, Any]:
    began = capture.began or monotonic_ns()
    sent = call.sent or began
    return {"chunks": capture.copy.pieces, "first_chunk_timer": span(sent, began), "completed": completed}


def _copy_limit(call: Call, form: BodyForm) -> int:
    """The maximum size of a decoded response body, in bytes, for the record and for processors.

    A stream is many times larger than the object that it is folded into, so its limit is higher.
    """
    if form.is_stream:
        return call.config.limits.response_buffer
    return max(call.config.log_max_payload, _LEAST_COPY)


def _usage_of_encoded(call: Call, data: bytes, form: BodyForm) -> llm.Usage | None:
    """The usage in a body that is too large after decoding. Decodes it again, and keeps only its ends."""
    ends = payload.ends_of(data, form.encoding, call.config.limits.response_buffer)
    return llm.usage_at_ends(ends.head, ends.tail) if ends is not None and form.may_have_usage else None


def _set_usage(call: Call, reading: BodyReading) -> None:
    """Set the token usage and the cost of a response, for the record and for processors that include the usage.

    Responses of gl itself have neither, whatever their body says. Nor has one to a request that only reads what is
    there, such as a response of OpenAI's that was made in the background: how often it is read is up to the client.
    """
    if call.response is not None and not isinstance(call.response, LocalResponse) and call.may_generate:
        usage, attempt = reading.usage, call.required_attempt()
        if usage is not None:
            call.usage, call.usage_shown = usage, usage_json(usage)
        call.answered_model = reading.model
        answered = Answered(call.response.status, usage, reading.model, reading.images)
        call.cost = cost_of_answer(call.config.prices, attempt.request, attempt.candidate, answered)
    if call.config.response.asks_usage:
        section = call.response_section
        section.opt_in_fields = {**(section.opt_in_fields or {}), "usage": call.usage_shown}
