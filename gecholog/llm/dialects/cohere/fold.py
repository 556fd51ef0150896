"""Cohere's `/v2/chat`: a message, its content and tool calls by index with their pieces, and the end with the usage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gecholog.llm.accumulate import GrowingObject, finalize, grow, index_of, replace_fields
from gecholog.llm.dialect import Answer, Dialect, is_error
from gecholog.llm.event import Event

_LAST = "message-end"
_TYPES = frozenset(
    {
        "message-start",
        "content-start",
        "content-delta",
        "content-end",
        "tool-plan-delta",
        "tool-call-start",
        "tool-call-delta",
        "tool-call-end",
        "citation-start",
        "citation-end",
        _LAST,
    },
)
_LISTS = ("content", "tool_calls", "citations")  # a delta holds one item of them, the event its index


def _knows(event: Event) -> bool:
    kind = event.value.get("type")
    return isinstance(kind, str) and kind in _TYPES


def _fold(events: Iterable[Event]) -> Answer:
    answer: Answer = {}
    message = GrowingObject()
    lists: dict[str, dict[int, dict[str, Any]]] = {}
    for event in events:
        _take(answer, message, lists, event.value)
    folded: dict[str, Any] = finalize(message)
    for name, items in lists.items():
        folded[name] = [finalize(items[index]) for index in sorted(items)]
    return answer | {"message": folded}


def _take(
    answer: Answer,
    message: GrowingObject,
    lists: dict[str, dict[int, dict[str, Any]]],
    event: dict[str, Any],
) -> None:
    match event:
        case {"type": "message-end", "delta": dict(end)}:
            replace_fields(answer, end)
        case {"type": str(kind), "delta": {"message": dict(piece)}} if kind in _TYPES:
            replace_fields(answer, {name: value for name, value in event.items() if name == "id"})
            for name, value in piece.items():
                if name in _LISTS and isinstance(value, dict):
                    item = lists.setdefault(name, {}).setdefault(index_of(event) or 0, GrowingObject())
                    grow(item, value)
                else:
                    grow(message, {name: value})
        case {"error": error} if is_error(error):
            answer["error"] = error


def _ends(event: Event) -> bool:
    return event.value.get("type") == _LAST


DIALECT = Dialect(_knows, _fold, ends=_ends)
