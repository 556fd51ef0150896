"""Builds the replies of chat and legacy completions: choices, streamed or not, and their usage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import orjson

from gecholog import rawjson
from services.dummy import fields, reply
from services.dummy.fields import JsonBody
from services.dummy.generation import GeneratedText
from services.dummy.reply import Reply, Stream

MOST_CHOICES = 128
_DONE = b"data: [DONE]\n\n"

Piece = Callable[[int, Any, str | None], dict[str, Any]]
"""Maps index, text and finish reason to the choice in one event of a stream."""

_GAP = orjson.Fragment(b"\0")  # never occurs in JSON


@dataclass(frozen=True, slots=True)
class Streaming:
    """Whether a reply is streamed, and whether its usage is sent at the end."""

    on: bool
    usage: bool

    @classmethod
    def of(cls, body: JsonBody) -> Streaming:
        options = body.get("stream_options") or {}
        if not isinstance(options, dict):
            raise fields.wrong("stream_options", "an object")
        return cls(fields.truth(body, "stream"), fields.truth(options, "include_usage"))


def streamed(
    begin: dict[str, Any],
    opening: Sequence[dict[str, Any]],
    choices: Sequence[GeneratedText],
    piece: Piece,
    usage: dict[str, int] | None,
) -> Reply:
    """Return the stream of `choices`: `opening`, then the pieces of all choices by chunk, then reasons and usage."""
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


def _events(choice: GeneratedText, shape: dict[str, Any]) -> list[bytes]:
    """Return an event for each piece of a choice. Only the text differs, so the rest is serialized once."""
    before, _, after = reply.events([shape]).partition(b"\0")
    return [before + rawjson.dumps(text) + after for text in choice.pieces]
