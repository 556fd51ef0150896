"""A record with the ids of its trace."""

from __future__ import annotations

from dataclasses import dataclass

from gecholog import trace_context
from services.nats2log.traces.fields import Fields, fields, header


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A record and its sections, and the trace that the call belongs to.

    `parent_id` is the span of the client, if it has sent one in `traceparent`. `sent_id` is the id of the span that gl
    has put between client and upstream; empty if the header passed as it came.
    """

    record: Fields
    request: Fields
    response: Fields
    record_id: str
    trace_id: str
    parent_id: str = ""
    sent_id: str = ""
    flags: int = 1
    state: str = ""

    @property
    def span_id(self) -> str:
        """The id of the span of the call."""
        return trace_context.call_span_id(self.record_id)


def recorded_call(record: Fields, record_id: str) -> RecordedCall:
    """Read the trace of a record. Without a valid `traceparent` of the client, the call begins a trace."""
    request = fields(record.get("request"))
    received = header(request.get("ingress_headers"), trace_context.HEADER)
    sent = header(request.get("outbound_headers"), trace_context.HEADER)
    parent = trace_context.parse(received)
    child = trace_context.parse(sent) if sent != received else None
    state = header(request.get("ingress_headers"), trace_context.STATE_HEADER)
    known = parent or child
    return RecordedCall(
        record,
        request,
        fields(record.get("response")),
        record_id,
        known.trace_id if known is not None else trace_context.trace_id_of(record_id),
        parent.span_id if parent is not None else "",
        child.span_id if child is not None else "",
        parent.flags if parent is not None else 1,
        state if parent is not None else "",
    )
