"""The spans of the attempts of a call: one for each request to an upstream. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus

from gecholog import trace_context
from gecholog.record import payload_of
from services.nats2log.traces import model_call, semantics
from services.nats2log.traces.content import content
from services.nats2log.traces.fields import Fields, fields, integer, interval, objects, text
from services.nats2log.traces.model_call import Attributes, Target
from services.nats2log.traces.recorded_call import RecordedCall
from services.nats2log.traces.span import Kind, Span, SpanEvent

_CLIENT_ERROR = HTTPStatus.BAD_REQUEST.value


def attempt_spans(call: RecordedCall, *, with_content: bool) -> Iterator[Span]:
    """The spans of all attempts. What the record tells of request, response and usage belongs to the last one."""
    listed = list(objects(call.request.get("attempts")))
    if not listed and text(call.request.get("url")):
        listed = [_only_attempt(call)]
    for number, attempt in enumerate(listed):
        span = _span(call, attempt, number)
        if span is not None and number == len(listed) - 1:
            span = _answered(call, span, with_content=with_content)
        if span is not None:
            yield span


def _only_attempt(call: RecordedCall) -> Fields:
    """The attempt of a call that has no list of them."""
    attempt = {
        "gl_path": call.response.get("gl_path") or call.request.get("gl_path"),
        "url": call.request.get("url"),
        "timer": call.response.get("outbound_inbound_timer"),
    }
    has_response = "inbound_headers" in call.response
    return attempt | ({"status_code": call.response.get("inbound_status_code")} if has_response else {})


def _span(call: RecordedCall, attempt: Fields, number: int) -> Span | None:
    times = interval(attempt.get("timer"))
    if times is None:
        return None
    attributes = _attributes(call, attempt, number)
    status, error = integer(attempt.get("status_code")), text(attempt.get("error")) or None
    if error is None and (status is None or status >= _CLIENT_ERROR):
        error = "no response" if status is None else f"status {status}"
    if error is not None:
        attributes[semantics.ERROR_TYPE] = semantics.OTHER_ERROR if status is None else str(status)
    return Span(
        _name(attributes),
        Kind.CLIENT,
        call.trace_id,
        trace_context.attempt_span_id(call.record_id, number),
        call.span_id,
        *times,
        attributes,
        error,
        flags=call.flags,
    )


def _attributes(call: RecordedCall, attempt: Fields, number: int) -> Attributes:
    target = Target(text(attempt.get("url")), text(attempt.get("provider")))
    model = text(attempt.get("model")) or text(fields(payload_of(call.request, "outbound_payload")).get("model"))
    found: Attributes = {
        **model_call.model_attributes(target, model),
        **model_call.server(target),
        semantics.URL_FULL: target.url,
        semantics.HTTP_METHOD: text(call.request.get("ingress_method")),
        semantics.ROUTER: text(attempt.get("gl_path")),
        **model_call.usage(fields(attempt.get("usage")), fields(attempt.get("cost"))),
    }
    if number:
        found[semantics.HTTP_RESEND_COUNT] = number
    if (status := integer(attempt.get("status_code"))) is not None:
        found[semantics.HTTP_STATUS] = status
    return {name: value for name, value in found.items() if value != ""}


def _name(attributes: Attributes) -> str:
    operation, model = attributes.get(semantics.OPERATION, ""), attributes.get(semantics.REQUEST_MODEL, "")
    return f"{operation} {model}".strip() or str(attributes.get(semantics.HTTP_METHOD) or "HTTP")


def _answered(call: RecordedCall, span: Span, *, with_content: bool) -> Span:
    """The span of the last attempt, with what the record tells of it."""
    asked, answered = payload_of(call.request, "outbound_payload"), call.response.get("inbound_payload")
    attributes = dict(span.attributes)
    if semantics.OPERATION in attributes:
        attributes |= model_call.parameters(fields(asked)) | model_call.answer(fields(answered))
        attributes |= content(asked, answered) if with_content else {}
    attributes |= model_call.usage(fields(call.record.get("usage")), fields(call.record.get("cost")))
    stream = fields(call.response.get("inbound_stream"))
    if stream:
        attributes[semantics.STREAM_CHUNKS] = integer(stream.get("chunks")) or 0
        attributes[semantics.STREAM_COMPLETED] = stream.get("completed") is True
    first = interval(stream.get("first_chunk_timer"))
    whole = interval(call.response.get("outbound_inbound_timer"))  # a listed attempt ends with the head of its response
    return replace(
        span,
        span_id=call.sent_id or span.span_id,
        stop=span.stop if whole is None else max(span.stop, whole.stop),
        attributes=attributes,
        events=() if first is None else (SpanEvent(semantics.FIRST_CHUNK, first.stop),),
    )
