"""Spans as OTLP/HTTP, decoded with the official messages."""

import pytest

from services.nats2log.traces import semantics
from services.nats2log.traces.call_spans import spans_of
from services.nats2log.traces.otlp_json import PartialSuccess, encode, encode_span, partial_success
from tests.services.nats2log.traces.records import PARENT, TRACE, failed_over
from tests.support.otlp import attributes, decode
from tests.support.target import Request


def test_decoded():
    """The official messages have every value of every span."""
    spans = spans_of(failed_over(), "r1")
    body = encode([encode_span(spans[0], has_remote_parent=True), *map(encode_span, spans[1:])], "my gateway")
    headers = ((b"Content-Type", b"application/json"),)
    message = decode(Request("POST", "/v1/traces", headers, body, b"", 1))
    (resource,) = message.resource_spans
    (scope,) = resource.scope_spans
    assert attributes(resource.resource) == {"service.name": "my gateway"}
    assert resource.schema_url == scope.schema_url == semantics.SCHEMA_URL
    assert scope.scope.name == "gecholog"
    for span, found in zip(spans, scope.spans, strict=True):
        assert (found.name, found.kind, found.span_id.hex()) == (span.name, span.kind, span.span_id)
        assert (found.trace_id.hex(), found.parent_span_id.hex()) == (TRACE, span.parent_id)
        assert (found.start_time_unix_nano, found.end_time_unix_nano) == (span.start, span.stop)
        shown = {name: list(value) if isinstance(value, tuple) else value for name, value in span.attributes.items()}
        assert attributes(found) == shown
        assert (found.status.code == 2, found.status.message) == (span.error is not None, span.error or "")
        events = [(event.name, event.at) for event in span.events]
        assert [(event.name, event.time_unix_nano) for event in found.events] == events
    assert scope.spans[0].parent_span_id.hex() == PARENT
    assert (scope.spans[0].flags, scope.spans[1].flags) == (0x301, 0x101)
    assert scope.spans[0].trace_state == "a=1"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", PartialSuccess()),
        (b"{}", PartialSuccess()),
        (b"<html>", PartialSuccess()),
        (b"[1]", PartialSuccess()),
        (b'{"partialSuccess":{}}', PartialSuccess()),
        (b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}', PartialSuccess(3, "too old")),
        (b'{"partialSuccess":{"rejectedSpans":2}}', PartialSuccess(2)),
        (b'{"partialSuccess":{"rejectedSpans":"x","errorMessage":"hint"}}', PartialSuccess(0, "hint")),
    ],
)
def test_partial_success(body, found):
    """A response tells how many spans were refused. What is no such response refuses nothing."""
    assert partial_success(body) == found
