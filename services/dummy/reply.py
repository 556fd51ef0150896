"""Responses before they are sent: one JSON value, or the events of a stream (SSE)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from gecholog import rawjson

_numbers = count(1)


EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Spent:
    """The tokens of one response. `prompt` contains `cached` and `cache_written`, `completion` contains `thinking`."""

    model: str
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    cache_written: int = 0
    thinking: int = 0

    def tokens(self) -> dict[str, int]:
        """Return the numbers by their names in the totals."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "cached_tokens": self.cached,
            "cache_creation_tokens": self.cache_written,
            "reasoning_tokens": self.thinking,
        }


@dataclass(frozen=True, slots=True)
class JsonReply:
    """A response of one JSON value."""

    body: bytes
    spent: Spent | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """A streamed response: the part that is sent at once, the chunks one by one, and the end."""

    head: bytes
    chunks: tuple[bytes, ...]
    tail: bytes
    spent: Spent | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = EVENT_STREAM


@dataclass(frozen=True, slots=True)
class BinaryReply:
    """A response of bytes that are no text."""

    body: bytes
    content_type: str
    spent: Spent | None = None
    headers: dict[str, str] = field(default_factory=dict)


Reply = JsonReply | BinaryReply | Stream


def json_reply(value: Any, spent: Spent | None = None, headers: dict[str, str] | None = None) -> JsonReply:
    return JsonReply(rawjson.dumps(value), spent, headers or {})


def events(values: Iterable[Any]) -> bytes:
    """Encode values as server-sent events."""
    return b"".join([b"data: " + rawjson.dumps(value) + b"\n\n" for value in values])


def head(prefix: str, kind: str, model: str) -> dict[str, Any]:
    """Return the first fields of every reply. `id` is unique in this process."""
    return {"id": f"{prefix}-{next(_numbers)}", "object": kind, "created": int(time.time()), "model": model}


def spent_on(made: Reply, model: str, used: dict[str, int]) -> Reply:
    """Return a reply with the tokens of its usage, as `usage` makes it."""
    return replace(made, spent=Spent(model, used["prompt_tokens"], used["completion_tokens"]))


def usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
