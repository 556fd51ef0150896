"""OpenAI's Responses API: the last event holds the whole response; without it, the response is put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gecholog.llm.accumulate import GrowingObject, finalize, grow, replace_fields
from gecholog.llm.dialect import Answer, Dialect, is_error
from gecholog.llm.event import Event

_PREFIX = "response."
# Events that bring a piece of text: the list of parts in the output item, the part's index, its type, and the field.
_TEXT_IN_PART = {
    "output_text": ("content", "content_index", "output_text", "text"),
    "refusal": ("content", "content_index", "refusal", "refusal"),
    "reasoning_text": ("content", "content_index", "reasoning_text", "text"),
    "reasoning_summary_text": ("summary", "summary_index", "summary_text", "text"),
}
# The same for text that is a field of the item itself.
_TEXT_IN_ITEM = {
    "function_call_arguments": "arguments",
    "mcp_call_arguments": "arguments",
    "custom_tool_call_input": "input",
    "code_interpreter_call_code": "code",
}
# Events that bring a whole part.
_PARTS = {"content_part": ("content", "content_index"), "reasoning_summary_part": ("summary", "summary_index")}
_UNFINISHED = ("in_progress", "queued")
_LAST = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


def _knows(event: Event) -> bool:
    kind = event.value.get("type")
    return isinstance(kind, str) and kind.startswith(_PREFIX)


def _fold(events: Iterable[Event]) -> Answer:
    response: Answer = {}
    items: dict[int, Item] = {}
    for event in events:
        _take(response, items, event.value)
    if items and not response.get("output"):
        response["output"] = [items[index].finalize() for index in sorted(items)]
    return response


def _take(response: Answer, items: dict[int, Item], event: dict[str, Any]) -> None:
    match event:
        case {"type": "error"}:
            response["error"] = _error(event)
        case {"type": str(), "response": dict(state)}:
            replace_fields(response, state)
        case {"type": "response.output_item.added" | "response.output_item.done", "item": dict(item)}:
            items[_number(event, "output_index")] = Item(item)
        case {"type": str(kind)} if kind.startswith(_PREFIX) and "output_index" in event:
            items.setdefault(_number(event, "output_index"), Item({"id": event.get("item_id")})).take(kind, event)
        case {"error": error} if is_error(error):
            response["error"] = error


def _error(event: dict[str, Any]) -> Any:
    """The error object: in a field of its own, or the fields of the event."""
    fields = {name: value for name, value in event.items() if name not in ("type", "sequence_number")}
    return fields["error"] if is_error(fields.get("error")) else fields


def _number(event: dict[str, Any], name: str) -> int:
    value = event.get(name)
    return value if isinstance(value, int) else 0


class Item:
    """An output item that is being put together."""

    __slots__ = ("_fields", "_parts")

    def __init__(self, start: dict[str, Any]) -> None:
        self._fields = GrowingObject(start)
        self._parts: dict[str, dict[int, dict[str, Any]]] = {}
        for name in ("content", "summary"):
            parts = start.get(name)
            if isinstance(parts, list):
                whole = enumerate(part for part in parts if isinstance(part, dict))
                self._parts[name] = {index: GrowingObject(part) for index, part in whole}

    def take(self, kind: str, event: dict[str, Any]) -> None:
        """Take an event that belongs to this item."""
        subject, _, happened = kind.removeprefix(_PREFIX).rpartition(".")
        if subject in _PARTS:
            self._set_part(*_PARTS[subject], event)
        elif subject == "output_text.annotation":
            grow(self._part("content", _number(event, "content_index")), {"annotations": [event.get("annotation")]})
        elif subject in _TEXT_IN_PART:
            name, index, part_type, field = _TEXT_IN_PART[subject]
            part = self._part(name, _number(event, index))
            part.setdefault("type", part_type)
            _write(part, field, happened, event)
            grow(part, {"logprobs": event["logprobs"]} if happened == "delta" and event.get("logprobs") else {})
        elif subject in _TEXT_IN_ITEM:
            _write(self._fields, _TEXT_IN_ITEM[subject], happened, event)

    def _set_part(self, name: str, index: str, event: dict[str, Any]) -> None:
        part = event.get("part")
        if isinstance(part, dict):
            self._parts.setdefault(name, {})[_number(event, index)] = GrowingObject(part)

    def _part(self, name: str, index: int) -> dict[str, Any]:
        return self._parts.setdefault(name, {}).setdefault(index, GrowingObject())

    def finalize(self) -> dict[str, Any]:
        """The item as far as it came."""
        item: dict[str, Any] = finalize(self._fields)
        for name, parts in self._parts.items():
            item[name] = [finalize(parts[index]) for index in sorted(parts)]
        return item


def _write(target: dict[str, Any], field: str, happened: str, event: dict[str, Any]) -> None:
    """Add the piece of text that a `delta` brings, or put the whole text of a `done` in its place."""
    if happened == "delta" and isinstance(event.get("delta"), str):
        grow(target, {field: event["delta"]})
    elif happened == "done" and isinstance(event.get(field), str):
        target[field] = event[field]


def _mark_incomplete(response: Answer) -> Answer:
    """What was in progress when the stream broke is `incomplete`, the word that the API has for it."""
    output = response.get("output")
    for part in (response, *(output if isinstance(output, list) else ())):
        if isinstance(part, dict) and part.get("status") in _UNFINISHED:
            part["status"] = "incomplete"
    return response


def _ends(event: Event) -> bool:
    return event.value.get("type") in _LAST


DIALECT = Dialect(_knows, _fold, _mark_incomplete, _ends)
