"""Bedrock's `ConverseStream`: a role, content blocks by index with their pieces, the reason of the end, the metadata.

The name of an event is its type; some clients put it around the event as its only member.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from gecholog.llm.accumulate import GrowingObject, finalize, grow, joined, replace_fields
from gecholog.llm.dialect import Answer, Dialect
from gecholog.llm.event import Event

_LAST = "messageStop"
_NAMES = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", _LAST, "metadata"},
)
_EXCEPTION = "Exception"
_INDEX = "contentBlockIndex"


def typed(event: Event) -> Event:
    """An event by the name of its type."""
    if not event.name and len(event.value) == 1:
        name, value = next(iter(event.value.items()))
        if isinstance(value, dict) and name in _NAMES:
            return Event(name, value)
    return event


def is_exception(name: str) -> bool:
    """Tell whether an event of this name reports an error."""
    return name.endswith(_EXCEPTION)


def _knows(event: Event) -> bool:
    name, value = typed(event)
    if name == "metadata":
        return isinstance(value.get("usage"), dict)
    return name in _NAMES or is_exception(name)


def _fold(events: Iterable[Event]) -> Answer:
    answer: Answer = {}
    message: dict[str, Any] = {}
    blocks: dict[int, ConverseBlock] = {}
    for event in events:
        name, value = typed(event)
        value = {key: item for key, item in value.items() if key != "p"}  # padding that hides the length
        match name:
            case "messageStart":
                replace_fields(message, value)
            case "contentBlockStart" | "contentBlockDelta":
                blocks.setdefault(_index(value), ConverseBlock()).add(value.get("start") or value.get("delta"))
            case "messageStop" | "metadata":
                replace_fields(answer, value)
            case _ if is_exception(name):
                answer["error"] = {"type": name} | value
    content = [blocks[index].finalize() for index in sorted(blocks)]
    if message or content:
        answer = {"output": {"message": message | {"content": content}}} | answer
    return answer


def _index(event: dict[str, Any]) -> int:
    index = event.get(_INDEX)
    return index if type(index) is int else 0


class ConverseBlock:
    """A content block that is being put together."""

    __slots__ = ("_fields", "_input")

    def __init__(self) -> None:
        self._fields = GrowingObject()
        self._input: list[str] = []

    def add(self, piece: Any) -> None:
        """Take a start or a delta: an object with one member, which tells the kind of the block."""
        match piece:
            case {"toolUse": {"input": str(written)}}:
                self._input.append(written)
            case {"reasoningContent": dict(piece)}:
                grow(self._fields, {"reasoningContent": _reasoning(piece)})
            case {"citation": citation}:
                grow(self._fields, {"citations": [citation]})
            case dict():
                grow(
                    self._fields,
                    {name: GrowingObject(value) if isinstance(value, dict) else value for name, value in piece.items()},
                )

    def finalize(self) -> dict[str, Any]:
        """The block as it is without streaming. Input that was cut off is the text that came."""
        block: dict[str, Any] = finalize(self._fields)
        if self._input:
            written = joined(self._input)
            tool = block.get("toolUse")
            block["toolUse"] = (tool if isinstance(tool, dict) else {}) | {"input": _value_of(written)}
        return block


def _reasoning(piece: dict[str, Any]) -> dict[str, Any]:
    """Without streaming, the text and its signature are in an object of their own."""
    inside: dict[str, Any] = {name: piece[name] for name in ("text", "signature") if name in piece}
    rest = {name: value for name, value in piece.items() if name not in inside}
    return rest | ({"reasoningText": GrowingObject(inside)} if inside else {})


def _value_of(written: str) -> Any:
    try:
        return orjson.loads(written) if written else {}
    except orjson.JSONDecodeError:
        return written


def _ends(event: Event) -> bool:
    return typed(event).name == "metadata"


DIALECT = Dialect(_knows, _fold, ends=_ends)
