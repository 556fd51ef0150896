"""Ollama's own `/api/chat` and `/api/generate`: JSON lines, the last of which (`done`) holds the counts."""

from __future__ import annotations

from collections.abc import Iterable

from services.gl.streams.dialect import Answer, Dialect, state_of
from services.gl.streams.events import Event
from services.gl.streams.growth import Growing, grow, newest, settled

_IN_PIECES = ("message", "response", "thinking", "logprobs")


def _knows(event: Event) -> bool:
    value = event.value
    return isinstance(value.get("done"), bool) and ("message" in value or "response" in value)


def _fold(events: Iterable[Event]) -> Answer:
    answer = Growing()
    for event in events:
        state = state_of(event)
        pieces = {name: state.pop(name) for name in _IN_PIECES if name in state}
        newest(answer, state)
        grow(answer, pieces)
    folded: Answer = settled(answer)
    return folded


DIALECT = Dialect(_knows, _fold)
