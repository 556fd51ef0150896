"""The spans of one record: the call, and below it one for each attempt, processor and rating. Pure."""

from __future__ import annotations

from http import HTTPStatus

from services.nats2log.traces import semantics
from services.nats2log.traces.attempt_spans import attempt_spans
from services.nats2log.traces.fields import Fields, fields, integer, interval, objects, text
from services.nats2log.traces.model_call import Attributes
from services.nats2log.traces.recorded_call import RecordedCall, recorded_call
from services.nats2log.traces.span import Kind, Span
from services.nats2log.traces.work_spans import classifier_spans, processor_spans

_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR.value


class NoTimes(Exception):
    """The record has no timer of the call, so that there is no span."""


def spans_of(record: Fields, record_id: str, *, with_content: bool = False) -> list[Span]:
    """All spans of a record: that of the call, and then the others by their start. Raises NoTimes.

    The call continues the trace that the client has sent in `traceparent`, if it has.
    """
    call = recorded_call(fields(record), record_id)
    below = [
        *classifier_spans(call),
        *attempt_spans(call, with_content=with_content),
        *processor_spans(call, call.request, "request"),
        *processor_spans(call, call.response, "response"),
    ]
    return [_call_span(call), *sorted(below, key=lambda span: span.start)]


def _call_span(call: RecordedCall) -> Span:
    times = interval(call.record.get("ingress_egress_timer"))
    if times is None:
        raise NoTimes
    request, router = call.request, _router(call.request)
    method, status = text(request.get("ingress_method")), integer(call.response.get("egress_status_code"))
    attributes: Attributes = {
        semantics.HTTP_ROUTE: router,
        semantics.URL_PATH: router + text(request.get("ingress_subpath")),
        semantics.HTTP_METHOD: method,
        semantics.CLIENT_ADDRESS: text(request.get("ingress_client")),
        semantics.SESSION_ID: text(call.record.get("session_id")),
        semantics.TRANSACTION_ID: text(call.record.get("transaction_id")),
        semantics.RECORD_ID: call.record_id,
        semantics.ROUTER: text(request.get("gl_path")),
        semantics.ATTEMPTS: sum(1 for _ in objects(request.get("attempts"))) or int(bool(request.get("url"))),
        **_client(fields(call.record.get("client"))),
    }
    error = None
    if status is not None:
        attributes[semantics.HTTP_STATUS] = status
    if status is None or status >= _SERVER_ERROR:
        attributes[semantics.ERROR_TYPE] = str(status) if status is not None else semantics.OTHER_ERROR
        error = f"status {status}" if status is not None else "the client got no reply"
    return Span(
        f"{method or 'HTTP'} {router}".strip(),
        Kind.SERVER,
        call.trace_id,
        call.span_id,
        call.parent_id,
        *times,
        {name: value for name, value in attributes.items() if value != ""},
        error,
        flags=call.flags,
        state=call.state,
    )


def _router(request: Fields) -> str:
    """The router that the client has called."""
    return text(request.get("original_gl_path")) or text(request.get("gl_path"))


def _client(client: Fields) -> Attributes:
    named = {
        semantics.CLIENT_KEY: text(client.get("key")),
        semantics.CLIENT_NAME: text(client.get("name")),
        semantics.CLIENT_OWNER: text(client.get("owner")),
    }
    found: Attributes = {name: value for name, value in named.items() if value}
    tags = client.get("tags")
    if isinstance(tags, list) and tags:
        found[semantics.CLIENT_TAGS] = tuple(map(str, tags))
    return found
