"""A collector of OpenTelemetry for tests: decodes what comes with the official messages, and draws it as text."""

import base64
import gzip
import json

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.target import Request

_IDS = ("traceId", "spanId", "parentSpanId")


def decode(request: Request) -> ExportTraceServiceRequest:
    """The message in a request of OTLP/HTTP. Unknown fields and wrong types are errors."""
    assert (request.method, request.target) == ("POST", "/v1/traces")
    assert request.value("Content-Type") == "application/json"
    body = gzip.decompress(request.body) if request.value("Content-Encoding") == "gzip" else request.body
    return json_format.ParseDict(_with_base64(json.loads(body)), ExportTraceServiceRequest())


def spans_in(request: Request) -> list:
    """The spans of a request."""
    return [span for one in decode(request).resource_spans for scope in one.scope_spans for span in scope.spans]


def attributes(item) -> dict:
    """The attributes of a span or a resource."""
    return {each.key: _value(each.value) for each in item.attributes}


def draw(spans) -> str:
    """The spans of one call as a tree. Times are milliseconds since the start of the first."""
    known = {span.span_id for span in spans}
    zero = min(span.start_time_unix_nano for span in spans)
    lines: list[str] = []

    def add(span, depth):
        times = f"{(span.start_time_unix_nano - zero) / 1e6:8.2f} to {(span.end_time_unix_nano - zero) / 1e6:8.2f} ms"
        status = f"  ERROR: {span.status.message}" if span.status.code == 2 else ""
        parent = f" parent {span.parent_span_id.hex()}" if span.parent_span_id else ""
        lines.append(f"{'   ' * depth}{span.name}  {times}  id {span.span_id.hex()}{parent}{status}")
        for name, value in attributes(span).items():
            lines.append(f"{'   ' * depth}   · {name} = {value}")
        events = [f"{event.name} at {(event.time_unix_nano - zero) / 1e6:.2f} ms" for event in span.events]
        lines.extend(f"{'   ' * depth}   ! {event}" for event in events)
        for child in sorted(spans, key=lambda one: one.start_time_unix_nano):
            if child.parent_span_id == span.span_id:
                add(child, depth + 1)

    for span in spans:
        if span.parent_span_id not in known:
            add(span, 0)
    return "\n".join(lines)


def _with_base64(value):
    """OTLP writes ids in hex, where the JSON of protobuf has base64."""
    if isinstance(value, list):
        return [_with_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(bytes.fromhex(item)).decode() if name in _IDS else _with_base64(item)
        for name, item in value.items()
    }


def _value(value):
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return [_value(item) for item in found.values] if kind == "array_value" else found
