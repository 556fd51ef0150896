"""The header traceparent, and the ids of spans."""

import pytest

from gecholog import trace_context
from gecholog.trace_context import TraceContext, parse

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_valid():
    """Ids and flags are read, and written again."""
    context = parse(f" 00-{TRACE}-{SPAN}-00 ")
    assert context == TraceContext(TRACE, SPAN, 0)
    assert context.header == f"00-{TRACE}-{SPAN}-00"
    assert parse(f"01-{TRACE}-{SPAN}-03-more") == TraceContext(TRACE, SPAN, 3)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01\n00",
    ],
)
def test_invalid(value):
    """Anything else is no context, so that a call begins a trace of its own."""
    assert parse(value) is None


def test_ids():
    """A record always has the same ids, and those of its spans differ."""
    ids = [
        trace_context.call_span_id("r"),
        *(trace_context.attempt_span_id("r", number) for number in range(3)),
        trace_context.span_id_of("r", "classifier"),
    ]
    assert len(set(ids)) == 5
    assert trace_context.call_span_id("r") == ids[0] != trace_context.call_span_id("s")
    assert parse(TraceContext(trace_context.trace_id_of("r"), ids[1]).header) is not None
