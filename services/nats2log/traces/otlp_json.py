"""Spans as a request of OTLP/HTTP in JSON, and what the response to it says. Pure.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids are hex, whole numbers of 64 bits are texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gecholog import __version__, rawjson
from gecholog.errors import NotJson
from services.nats2log.traces import semantics
from services.nats2log.traces.span import Attribute, Span

_ERROR = 2  # the number of this status in OTLP
_REMOTE_PARENT_KNOWN, _REMOTE_PARENT = 0x100, 0x200
_LONGEST = 1000  # characters of a status message


class PartialSuccess(NamedTuple):
    """What a receiver has refused of a request that it accepted."""

    rejected: int = 0
    message: str = ""


def encode(spans: Iterable[bytes], service_name: str) -> bytes:
    """A request with spans, each as `encode_span` made it."""
    resource = rawjson.dumps({"attributes": _attributes({semantics.SERVICE_NAME: service_name})})
    scope = rawjson.dumps({"name": semantics.SCOPE_NAME, "version": __version__})
    schema = rawjson.dumps(semantics.SCHEMA_URL)
    return (
        b'{"resourceSpans":[{"resource":%b,"schemaUrl":%b,"scopeSpans":[{"scope":%b,"schemaUrl":%b,"spans":[%b]}]}]}'
        % (resource, schema, scope, schema, b",".join(spans))
    )


def encode_span(span: Span, *, has_remote_parent: bool = False) -> bytes:
    """A span as JSON."""
    fields: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "flags": span.flags | _REMOTE_PARENT_KNOWN | (_REMOTE_PARENT if has_remote_parent else 0),
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.stop),
        "attributes": _attributes(span.attributes),
    }
    if span.parent_id:
        fields["parentSpanId"] = span.parent_id
    if span.state:
        fields["traceState"] = span.state
    if span.events:
        fields["events"] = [{"name": event.name, "timeUnixNano": str(event.at)} for event in span.events]
    if span.error is not None:
        fields["status"] = {"code": _ERROR, "message": span.error[:_LONGEST]}
    return rawjson.dumps(fields)


def _attributes(attributes: Mapping[str, Attribute]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Attribute) -> dict[str, Any]:
    if isinstance(value, tuple):
        return {"arrayValue": {"values": [{"stringValue": item} for item in value]}}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def partial_success(body: bytes) -> PartialSuccess:
    """What a response with a status of success says about spans that were refused."""
    try:
        response = rawjson.loads(body) if body else {}
    except NotJson:
        return PartialSuccess()
    partial = response.get("partialSuccess") if isinstance(response, dict) else None
    if not isinstance(partial, dict):
        return PartialSuccess()
    rejected, message = partial.get("rejectedSpans", 0), partial.get("errorMessage", "")
    try:
        return PartialSuccess(max(0, int(rejected)), str(message)[:_LONGEST])
    except (TypeError, ValueError):
        return PartialSuccess(0, str(message)[:_LONGEST])
