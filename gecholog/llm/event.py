"""An event of a stream: its name and its JSON object."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import orjson

from gecholog import lenient, rawjson
from gecholog.errors import GechologError, NotJson
from gecholog.llm import json_text

BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """An event with a JSON object. `name` is the type of the event, empty if the framing has none.

    SSE has it in the field `event`, AWS's event streams in the header `:event-type`.
    """

    name: str
    value: dict[str, Any]


class UnreadableEvent(GechologError):
    """An event has more bytes than its decoder holds, or is nested too deep. The decoder cannot be used any more."""

    @classmethod
    def of_size(cls, limit: int) -> UnreadableEvent:
        """The error for an event of more than `limit` bytes."""
        return cls(f"has more than {limit} bytes")


class StreamDecoder(Protocol):
    """Decodes the events of a stream as its bytes arrive, after content decoding.

    Neither method raises anything else on any bytes. Memory is bounded by the largest event that a decoder takes.
    """

    def feed(self, data: bytes) -> list[Event]:
        """Feed the next bytes. Returns the events that are complete now. Raises UnreadableEvent."""

    def flush(self) -> list[Event]:
        """Return the last event if the end of the stream completes it."""


def load(data: bytes) -> dict[str, Any] | None:
    """Parse the JSON object in `data`; None if it is not one.

    Accepts almost valid JSON, like responses without streaming (`gecholog.lenient`).
    """
    try:
        return load_or_raise(data)
    except UnreadableEvent:
        return None


def load_or_raise(data: bytes) -> dict[str, Any] | None:
    """Like `load`, but an object that is nested too deep raises UnreadableEvent: an event must not be lost silently."""
    try:
        value = lenient.loads(data) if b"{" in data else None
    except NotJson:
        if rawjson.is_too_deep(data):
            raise UnreadableEvent("is nested too deep") from None
        value = None
    return value if isinstance(value, dict) else None


# Stands between texts that are parsed at once. No sender knows it, so a text that is cut off cannot be completed by
# the next without the number of objects being wrong.
_SEPARATOR = secrets.randbits(62)
_BETWEEN = b",%d," % _SEPARATOR


def load_together(texts: list[bytes]) -> list[dict[str, Any]] | None:
    """Parse JSON objects as `load_or_raise` does, all at once, which takes less time. The last may be `[DONE]`.

    None if not all of them are objects in strict JSON: then each has to be parsed on its own.
    """
    objects = texts[:-1] if texts and texts[-1].strip() == b"[DONE]" else texts
    if not objects:
        return []
    try:
        found = orjson.loads(b"[" + _BETWEEN.join(objects) + b"]")
    except orjson.JSONDecodeError:
        return None
    values, between = found[::2], found[1::2]
    if len(values) != len(objects) or between.count(_SEPARATOR) != len(between):
        return None
    return values if all(type(value) is dict for value in values) else None


Load = Callable[[bytes], dict[str, Any] | None]
"""Parses the JSON object of an event, as `load` and `load_or_raise` do."""


def exact_where(has_calls: Callable[[dict[str, Any]], bool]) -> Load:
    """Like `load_or_raise`, but integers of any size stay exact in events that have tool calls, as `has_calls` tells.

    Those are few: exact parsing takes longer, and what is folded for the record has integers of 64 bits.
    """

    def load_exact(data: bytes) -> dict[str, Any] | None:
        value = load_or_raise(data)
        if value is None or not has_calls(value):
            return value
        with suppress(NotJson):
            exact = json_text.loads(data)
            return exact if isinstance(exact, dict) else value
        return value

    return load_exact
