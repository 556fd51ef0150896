"""A span: an operation with its times, its parent, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

Attribute = str | bool | int | float | tuple[str, ...]


class Kind(IntEnum):
    """The role of a span, by the numbers of OTLP."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """A moment in a span, in nanoseconds since 1970."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Span:
    """A span. Times are nanoseconds since 1970, ids lower-case hex; `error` is None if the operation succeeded."""

    name: str
    kind: Kind
    trace_id: str
    span_id: str
    parent_id: str  # empty: none
    start: int
    stop: int
    attributes: Mapping[str, Attribute]
    error: str | None = None
    events: tuple[SpanEvent, ...] = ()
    flags: int = 1
    state: str = ""  # the client's `tracestate`
