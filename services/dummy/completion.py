"""What chat and legacy completions have in common: choices, plain or streamed, and the usage of the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import orjson

from gecholog import rawjson
from services.dummy import fields, reply
from services.dummy.fields import Body
from services.dummy.reply import Reply, Stream
from services.dummy.writing import Written

MOST_CHOICES = 128
_DONE = b"data: [DONE]\n\n"

Piece = Callable[[int, Any, str | None], dict[str, Any]]
"""Index, text and finish reason → the choice that one event of a stream holds."""

_GAP = orjson.Fragment(b"\0")  # no JSON holds this byte


@dataclass(frozen=True, slots=True)
class Streaming:
    """Whether an answer is streamed, and whether its usage is told at the end."""

    on: bool
    usage: bool

    @classmethod
    def of(cls, body: Body) -> Streaming:
        options = body.get("stream_options") or {}
        if not isinstance(options, dict):
            raise fields.wrong("stream_options", "an object")
        return cls(fields.truth(body, "stream"), fields.truth(options, "include_usage"))


def streamed(
    begin: dict[str, Any],
    opening: Sequence[dict[str, Any]],
    choices: Sequence[Written],
    piece: Piece,
    usage: dict[str, int] | None,
) -> Reply:
    """The stream of `choices`: `opening` first, then chunk by chunk the pieces of all, reasons and usage at the end."""
    rest: dict[str, Any] = {"usage": None} if usage else {}

    def event(choice: dict[str, Any]) -> dict[str, Any]:
        return {**begin, "choices": [choice], **rest}

    columns = [_events(choice, event(piece(index, _GAP, None))) for index, choice in enumerate(choices)]
    ends = [event(piece(index, "", choice.finish_reason)) for index, choice in enumerate(choices)]
    total = [{**begin, "choices": [], "usage": usage}] if usage else []
    return Stream(
        head=reply.events([event(choice) for choice in opening]),
        chunks=tuple(map(b"".join, zip_longest(*columns, fillvalue=b""))),
        tail=reply.events([*ends, *total]) + _DONE,
    )


def _events(choice: Written, shape: dict[str, Any]) -> list[bytes]:
    """An event for each piece of a choice. They differ in the text only, so the rest is written once."""
    before, _, after = reply.events([shape]).partition(b"\0")
    return [before + rawjson.dumps(text) + after for text in choice.pieces]
