"""Responses before they are sent: one JSON value, or the events of a stream (SSE)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from gecholog import rawjson

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class JsonReply:
    """A response of one JSON value."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """A streamed response: the part that is sent at once, the chunks one by one, and the end."""

    head: bytes
    chunks: tuple[bytes, ...]
    tail: bytes


@dataclass(frozen=True, slots=True)
class BinaryReply:
    """A response of bytes that are no text."""

    body: bytes
    content_type: str


Reply = JsonReply | BinaryReply | Stream


def json_reply(value: Any) -> JsonReply:
    return JsonReply(rawjson.dumps(value))


def events(values: Iterable[Any]) -> bytes:
    """Encode values as server-sent events."""
    return b"".join([b"data: " + rawjson.dumps(value) + b"\n\n" for value in values])


def head(prefix: str, kind: str, model: str) -> dict[str, Any]:
    """Return the first fields of every reply. `id` is unique in this process."""
    return {"id": f"{prefix}-{next(_numbers)}", "object": kind, "created": int(time.time()), "model": model}


def usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
