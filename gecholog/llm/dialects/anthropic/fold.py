"""Anthropic messages: a message, its content blocks by index with their pieces, and the end with the usage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from gecholog.llm.accumulate import GrowingObject, finalize, grow, index_of, joined, replace_fields
from gecholog.llm.dialect import Answer, Dialect, is_error
from gecholog.llm.event import Event

_TYPES = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    },
)
# What a block is if its start is missing.
_BLOCK_OF_DELTA = {
    "text_delta": "text",
    "citations_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}


def _knows(event: Event) -> bool:
    kind = event.value.get("type")
    return isinstance(kind, str) and kind in _TYPES


def _fold(events: Iterable[Event]) -> Answer:
    message: Answer = {}
    blocks: dict[int, MessageBlock] = {}
    for event in events:
        _take(message, blocks, event.value)
    if blocks or "content" not in message:
        message["content"] = [blocks[index].finalize() for index in sorted(blocks)]
    return message


def _take(message: Answer, blocks: dict[int, MessageBlock], event: dict[str, Any]) -> None:
    match event:
        case {"type": "message_start", "message": dict(start)}:
            replace_fields(message, start)
        case {"type": "content_block_start", "content_block": dict(start)}:
            blocks[index_of(event) or 0] = MessageBlock(start)
        case {"type": "content_block_delta", "delta": dict(delta)}:
            block = blocks.setdefault(index_of(event) or 0, MessageBlock({}))
            block.add(delta)
        case {"type": "message_delta"}:
            _take_end(message, event)
        case {"type": "message_stop"}:
            # Bedrock adds its metrics here
            replace_fields(message, _without(event, "type"))
        case {"error": error} if is_error(error):
            message["error"] = error


def _take_end(message: Answer, event: dict[str, Any]) -> None:
    """The counts of `usage` are totals; one that is zero, null or not there is as it was at the start."""
    delta = event.get("delta")
    if isinstance(delta, dict):
        replace_fields(message, delta)
    replace_fields(message, {name: value for name, value in event.items() if name not in ("type", "delta")})


def _without(fields: dict[str, Any], left_out: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != left_out}


class MessageBlock:
    """A content block that is being put together."""

    __slots__ = ("_fields", "_input")

    def __init__(self, start: dict[str, Any]) -> None:
        self._fields = GrowingObject(start)
        self._input: list[str] = []

    def add(self, delta: dict[str, Any]) -> None:
        """Take a delta: a piece of the tool's input, a citation, or pieces of texts."""
        kind = delta.get("type")
        if isinstance(kind, str) and kind in _BLOCK_OF_DELTA:
            self._fields.setdefault("type", _BLOCK_OF_DELTA[kind])
        match delta:
            case {"partial_json": str(piece)}:
                self._input.append(piece)
            case {"citation": citation}:
                grow(self._fields, {"citations": [citation]})
            case _:
                grow(self._fields, _without(delta, "type"))

    def finalize(self) -> dict[str, Any]:
        """The block as it is without streaming. Input that was cut off is the text that came."""
        block: dict[str, Any] = finalize(self._fields)
        written = joined(self._input)
        if written:
            block["input"] = _value_of(written)
        return block


def _value_of(written: str) -> Any:
    try:
        return orjson.loads(written)
    except orjson.JSONDecodeError:
        return written


def _ends(event: Event) -> bool:
    return event.value.get("type") == "message_stop"


DIALECT = Dialect(_knows, _fold, ends=_ends)
