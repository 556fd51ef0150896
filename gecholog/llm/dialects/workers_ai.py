"""Cloudflare's Workers AI, `/ai/run/…`: pieces of `response`, the last event with the token usage, then `[DONE]`."""

from __future__ import annotations

from collections.abc import Iterable

from gecholog.llm.accumulate import GrowingObject, finalize, grow, replace_fields
from gecholog.llm.dialect import Answer, Dialect, state_of
from gecholog.llm.event import Event

_PADDING = "p"  # random characters that hide the length of a piece
_FIELDS = frozenset({"response", "usage", "tool_calls", _PADDING})
_IN_PIECES = ("response", "tool_calls")


def _knows(event: Event) -> bool:
    value = event.value
    return isinstance(value.get("response"), str) and len(value) > 1 and value.keys() <= _FIELDS


def _fold(events: Iterable[Event]) -> Answer:
    answer = GrowingObject()
    for event in events:
        state = state_of(event)
        replace_fields(answer, {name: value for name, value in state.items() if name not in (*_IN_PIECES, _PADDING)})
        grow(answer, {name: state[name] for name in _IN_PIECES if name in state})
    folded: Answer = finalize(answer)
    return folded


DIALECT = Dialect(_knows, _fold)
