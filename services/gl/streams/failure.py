"""A stream that holds nothing but errors: the answer is the error object, as without streaming."""

from __future__ import annotations

from collections.abc import Iterable

from services.gl.streams.dialect import Answer, Dialect, state_of
from services.gl.streams.events import Event
from services.gl.streams.growth import newest


def _knows(event: Event) -> bool:
    return "error" in state_of(event)


def _fold(events: Iterable[Event]) -> Answer:
    answer: Answer = {}
    for event in events:
        newest(answer, state_of(event))
    return answer


DIALECT = Dialect(_knows, _fold)
