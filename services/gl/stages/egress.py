"""Egress: prepares the reply and sends it to the client, piece by piece as it arrives."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import llm
from gecholog.headers import first, masked, printable, without
from gecholog.llm.errors import ErrorInfo
from gecholog.logs import Log
from gecholog.media_type import media_type
from gecholog.shorten import shorten
from services.gl import errors
from services.gl.bodies.transform import CaptureTap, Chain
from services.gl.call import Egress
from services.gl.errors import UpstreamError
from services.gl.headers.policy import OutgoingHeaders, body_of, headers_written, outgoing_headers, plain
from services.gl.models.profile import RESPONSES
from services.gl.quota.rate_headers import moved
from services.gl.record import recording
from services.gl.replies.ending import still_reads_usage
from services.gl.replies.reply import send_whole
from services.gl.replies.response_body import TooLong, capture_egress, capture_inbound, record_capture
from services.gl.responses.response import JSON, LocalResponse
from services.gl.routing import cors
from services.gl.usage.settlement import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gecholog.headers import Headers
    from gecholog.record import Fields
    from services.gl.bodies.capture import BodyCapture
    from services.gl.bodies.transform import BodyTransform
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.http import Responder, Take

log = Log("egress")

_CONTENT_TYPE = "Content-Type"
_NOT_RECORDED = frozenset({"Transfer-Encoding"})
_LONGEST_LIST = 1000  # characters of a header that lists names
_STATUSES = range(200, 600)
_OK = HTTPStatus.OK.value  # a plain int: looking up an enum member costs time in every call
_NOT_MODIFIED = HTTPStatus.NOT_MODIFIED.value


def offer(call: Call, deps: Dependencies) -> None:
    """Put the status and headers of the reply into the record, so that response processors can change them."""
    fields = call.response_section.fields
    call.own_headers = _own_headers(call)
    if call.limits is not None and (rates := deps.quotas.headers(call.limits)):
        call.own_headers |= rates
        call.reply_headers = moved(call.reply_headers)
    headers = call.egress_offered = {**_shown_headers(call, fields), **call.own_headers}
    fields["egress_status_code"] = call.reply_status or fields["inbound_status_code"]
    fields["egress_headers"] = headers


def _shown_headers(call: Call, fields: Fields) -> Headers:
    """The forwarded headers, as processors and the record see them."""
    if call.reply_headers is call.inbound_headers:
        shown: Headers = fields["inbound_headers"]
        return shown
    return masked(without(call.reply_headers, _NOT_RECORDED), call.config.masked)


def _own_headers(call: Call) -> Headers:
    """The headers that gl adds to a reply: the session id, and the provider and model that answered."""
    own = {call.config.session_header: [call.ids.transaction_id]}
    attempt = call.required_attempt()
    candidate = attempt.candidate
    if candidate.provider is None:
        return own
    if attempt.dropped:
        own["X-Gecholog-Dropped-Params"] = [printable(shorten(", ".join(attempt.dropped), _LONGEST_LIST))]
    return {**own, **candidate.reply_headers, "X-Gecholog-Attempts": [str(len(call.attempts))]}


def prepare(call: Call, _: Dependencies) -> None:
    """Decide status, headers and body of the reply; complete the response section of the record."""
    status = _status(call)
    body = _changed_body(call)
    fields = call.response_section.fields
    written = headers_written(call.response_section, "egress_headers")
    headers_out = outgoing_headers(
        written, call.egress_offered, call.reply_headers, call.own_headers, call.config.header_rules
    )
    if "egress_payload" in call.response_section.changed:
        headers_out = _for_changed_body(call, headers_out)
    if call.router.cors is not None:
        both = (headers_out.sent, headers_out.shown)
        sent, shown = (cors.with_cors_headers(call.router.cors, call.headers, each) for each in both)
        headers_out = headers_out._replace(sent=sent, shown=shown)
    fields["egress_headers"] = headers_out.shown
    for name, value in headers_out.notes.items():
        fields[f"egresss_headers_{name}"] = value  # three s: the name that records have had from the beginning
    if status != _OK:
        call.response_section.note("egress_status_code", call.fault or f"status {status}")
    sent = headers_out.sent
    if isinstance(call.response, LocalResponse) and call.response.content_type:  # sent, but not recorded
        sent = {_CONTENT_TYPE: [call.response.content_type]} | sent
    call.egress = Egress(status, sent, body)


def _for_changed_body(call: Call, headers_out: OutgoingHeaders) -> OutgoingHeaders:
    """The headers for a body that a processor wrote: no content encoding, and JSON if it replaces a stream."""
    headers_out = headers_out.without_encoding()
    received = call.reply_headers.get(_CONTENT_TYPE, [""])
    was_stream = llm.is_stream(received[0]) or llm.begins_as_sse(call.inbound_body or b"")
    if was_stream and headers_out.sent.get(_CONTENT_TYPE) == received:
        return headers_out.with_header(_CONTENT_TYPE, JSON)
    return headers_out


def _status(call: Call) -> int:
    fields = call.response_section.fields
    status = plain(fields.get("egress_status_code"))
    if type(status) is int and status in _STATUSES:  # a bool is an int, too
        fields["egress_status_code"] = status
        return status
    call.response_section.note("egress_status_code", "must be a status from 200 to 599")
    fields["egress_status_code"] = status = call.required_response().status
    return status


def _changed_body(call: Call) -> bytes | None:
    """The body if it was buffered: as received, or as a processor replaced it. None if it is passed through."""
    if call.inbound_body is None:
        return None
    if "egress_payload" in call.response_section.changed:
        return body_of(call.response_section.fields["egress_payload"])
    return call.egress_body


def reply(call: Call, deps: Dependencies) -> Awaitable[None]:
    """Send the reply. The record is stored in the journal before the last byte is sent."""
    egress = call.required_egress()
    if egress.body is None:
        return _pass_through(call, egress, deps)
    length: int | None = len(egress.body)
    if not length and (call.request.method == "HEAD" or egress.status == _NOT_MODIFIED):
        length = call.required_response().length  # announces the length of a body that is not sent
    return send_whole(call, egress, length, deps)


async def _pass_through(call: Call, egress: Egress, deps: Dependencies) -> None:
    """Forward the body as it arrives, and capture it for the record."""
    response, responder, transform = call.required_response(), call.responder, _transform(call)
    length = None if transform else response.length
    capture = call.capture = capture_inbound(call, response.length)
    take: Take | None = None
    try:
        responder.start(egress.status, egress.headers, length)
        if (piece := response.ready()) is None:
            responder.flush()  # the head does not wait for the body
            piece = await response.read()
        while piece:
            capture.observe(piece)
            is_last = length is not None and capture.is_complete
            if is_last:
                await _keep(call, capture, deps)
            if (waiting := responder.write(transform.feed(piece) if transform else piece)) is not None:
                await waiting
            capture.delivered = capture.copy.size
            if is_last:
                break
            take = take or _taking(capture, responder, transform)
            piece = await response.read(take)
            capture.delivered = capture.copy.size
        rest = transform.flush() if transform else b""
        if not capture.is_recorded:
            await _keep(call, capture, deps)
        if rest and (waiting := responder.write(rest)) is not None:
            await waiting
        responder.finish()
    except UpstreamError as error:
        call.response_section.note("inbound_payload", f"broke off after {capture.copy.size} bytes: {error.reason}")
        await _break_off(call, egress, error)
    finally:
        if not still_reads_usage(call):
            response.abandon()


def _taking(capture: BodyCapture, responder: Responder, transform: BodyTransform | None) -> Take:
    """Forwards pieces from where they arrive, so that the task of the call does not run for each.

    They are forwarded in the context of that task: log lines name the call.
    """

    def forward(piece: bytes) -> Awaitable[None] | None:
        capture.observe(piece)
        if (waiting := responder.write(transform.feed(piece) if transform else piece)) is None:
            capture.delivered = capture.copy.size
        return waiting

    run = copy_context().run
    return lambda piece: run(forward, piece)


async def _break_off(call: Call, egress: Egress, error: UpstreamError) -> None:
    """End an incomplete reply: a provider's stream with an error event, any other by closing the connection.

    The SDKs raise an exception for both, but only the event tells the reason.
    """
    is_stream = media_type(first(egress.headers, _CONTENT_TYPE)) == "text/event-stream"
    if call.target_router.provider and is_stream and not first(egress.headers, "Content-Encoding"):
        message = f"the stream of provider {call.target_router.provider} broke off: {error.reason}"
        stream = call.required_attempt().stream
        endpoint = call.required_attempt().candidate.endpoint
        is_responses = endpoint is not None and endpoint.path == RESPONSES
        if stream is not None:
            event = stream.broke_off(ErrorInfo(error.status, message, code="upstream_error"))
        elif is_responses:
            event = errors.responses_event(message, "upstream_error")
        else:
            event = errors.event(call.error_format, error.status, message, "upstream_error")
        if (waiting := call.responder.write(event)) is not None:
            await waiting
        call.responder.finish()
    else:
        call.responder.abort()


def _transform(call: Call) -> BodyTransform | None:
    """The transform of the attempt. If it rewrites the body, its output is captured as well."""
    transform = call.required_attempt().transform
    if transform is None or not transform.rewrites:
        return transform
    call.egress_capture = capture_egress(call)
    return Chain((transform, CaptureTap(call.egress_capture)))


async def _keep(call: Call, capture: BodyCapture, deps: Dependencies) -> None:
    """Put the response into the record and store that in the journal. Waits under back-pressure of the bus."""
    if (waiting := deps.records.backpressure.admit_bytes(call, len(call.body) + capture.copy.size)) is not None:
        await waiting
    call.mark_received()
    try:
        if not _recorded_at_once(call, capture, completed=True):
            capture.folding = asyncio.create_task(asyncio.to_thread(record_capture, call, capture, completed=True))
            await asyncio.shield(capture.folding)  # if cancelled, the thread continues: `conclude` awaits it
    except Exception as error:  # noqa: BLE001 - a border: a body that cannot be recorded must not cost the reply
        log.fault("answer not recorded", error)
    settle(call, deps)
    recording.accept(call, deps.records)


def conclude(call: Call, _: Dependencies) -> Awaitable[None] | None:
    """Record a response that was not received to its end."""
    capture = call.capture
    if capture is None or capture.is_recorded:
        return None
    if still_reads_usage(call):
        return _read_usage(call, capture)
    completed = capture.is_open and capture.has_ended
    if completed:
        call.mark_received()
    if capture.folding is None and _recorded_at_once(call, capture, completed=completed):
        return None
    return _conclude_slowly(call, capture, completed=completed)


def _recorded_at_once(call: Call, capture: BodyCapture, *, completed: bool) -> bool:
    try:
        record_capture(call, capture, completed=completed, at_once=True)
    except TooLong:
        return False
    return True


async def _conclude_slowly(call: Call, capture: BodyCapture, *, completed: bool) -> None:
    if capture.folding is not None:
        await asyncio.gather(capture.folding, return_exceptions=True)
    if not capture.is_recorded:
        await asyncio.to_thread(record_capture, call, capture, completed=completed)


async def _read_usage(call: Call, capture: BodyCapture) -> None:
    """Read the usage that gl requested, for `usage.linger_ms` at most, and record the response."""
    response = call.required_response()
    try:
        async with asyncio.timeout(call.config.usage.linger):
            while piece := await response.read():
                capture.observe(piece)
    except (TimeoutError, UpstreamError):
        pass  # the record notes that the usage is missing
    except asyncio.CancelledError:  # the gateway stops: there is no time for a thread
        record_capture(call, capture, completed=False)
        raise
    finally:
        response.abandon()
    if not _recorded_at_once(call, capture, completed=False):
        await _conclude_slowly(call, capture, completed=False)
