"""The header `traceparent` (W3C Trace Context), and the ids of the spans of a call. Pure.

The ids are made from the id of the call's record. So gl, which may send the id of a span upstream, and the sink that
exports the span later agree on it without telling each other, and a record that is delivered twice has the same spans.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

HEADER = "Traceparent"
STATE_HEADER = "Tracestate"

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_VERSION = "ff"
_SAMPLED = 1
_TRACE_DIGITS, _SPAN_DIGITS = 32, 16
_NO_TRACE, _NO_SPAN = "0" * _TRACE_DIGITS, "0" * _SPAN_DIGITS


class TraceContext(NamedTuple):
    """A span as other programs refer to it: ids in lower-case hex, and flags of which the lowest bit is `sampled`."""

    trace_id: str
    span_id: str
    flags: int = _SAMPLED

    @property
    def header(self) -> str:
        """The value of `traceparent` that makes this span the parent."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def parse(value: str) -> TraceContext | None:
    """The context in a value of `traceparent`; None if it is invalid, as section 3.2 of the standard says."""
    found = _FORM.fullmatch(value.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == _NO_VERSION or (version == "00" and more) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, int(flags, 16))


def trace_id_of(record_id: str) -> str:
    """The trace id of a call whose client is not part of a trace."""
    return _digits(record_id, "trace", _TRACE_DIGITS)


def call_span_id(record_id: str) -> str:
    """The id of the span of a call."""
    return _digits(record_id, "call", _SPAN_DIGITS)


def attempt_span_id(record_id: str, number: int) -> str:
    """The id of the span of an attempt, counted from 0."""
    return _digits(record_id, f"attempt {number}", _SPAN_DIGITS)


def span_id_of(record_id: str, name: str) -> str:
    """The id of another span of a call, by a name that is unique in it."""
    return _digits(record_id, f"span {name}", _SPAN_DIGITS)


def _digits(record_id: str, name: str, count: int) -> str:
    return hashlib.sha256(f"{record_id} {name}".encode()).hexdigest()[:count]
