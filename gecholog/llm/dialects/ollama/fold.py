"""Ollama's own `/api/chat` and `/api/generate`: JSON lines, the last of which (`done`) holds the counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gecholog.llm.accumulate import GrowingObject, finalize, grow, replace_fields
from gecholog.llm.dialect import Answer, Dialect, state_of
from gecholog.llm.event import Event

_IN_PIECES = ("message", "response", "thinking", "logprobs")


def _knows(event: Event) -> bool:
    value = event.value
    return isinstance(value.get("done"), bool) and ("message" in value or "response" in value)


def _fold(events: Iterable[Event]) -> Answer:
    answer = GrowingObject()
    for event in events:
        state = state_of(event)
        pieces = {name: state.pop(name) for name in _IN_PIECES if name in state}
        replace_fields(
            answer, {name: value for name, value in state.items() if not _is_lost_count(answer.get(name), value)}
        )
        grow(answer, pieces)
    folded: Answer = finalize(answer)
    return folded


def _is_lost_count(old: Any, value: Any) -> bool:
    """A zero where there was a count: they stand between the other fields here."""
    return bool(old) and value == 0 and value is not False


def _ends(event: Event) -> bool:
    return event.value.get("done") is True


DIALECT = Dialect(_knows, _fold, ends=_ends)
