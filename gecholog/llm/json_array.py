"""Decodes a JSON array whose items are the events of a stream (Gemini without `alt=sse`), incrementally."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gecholog.llm.event import BOM, Event, Load, UnreadableEvent, load

LARGEST_ITEM = 32 * 1024 * 1024  # bytes
# The group of a string is not possessive: Python would not go back behind a backslash that is the last byte.
_PLAIN = re.compile(rb'[^"{}\[\]]*+')
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*', re.DOTALL)
_QUOTE = ord('"')
_OPENING = frozenset(b"{[")
_SPACE = b" \t\r\n"


class JsonArrayDecoder:
    """Decodes each object in an array into an event. An item of more than `limit` bytes raises UnreadableEvent."""

    __slots__ = ("_at", "_depth", "_held", "_in_string", "_limit", "_load", "_start", "_state")

    def __init__(self, limit: int = LARGEST_ITEM, load: Load = load) -> None:
        self._limit = limit
        self._load = load
        self._held = bytearray()  # the item that is not complete
        self._start = 0  # where it begins
        self._at = 0  # how far it was looked at
        self._depth = 0  # inside it
        self._in_string = False
        self._state = "before"  # the array, "inside", or "after" it

    def feed(self, data: bytes) -> list[Event]:
        """Feed the next bytes. Returns the events of the items that are complete now. Raises UnreadableEvent."""
        if self._state == "after":
            return []
        self._held += data
        if self._state == "before":
            self._begin()
        events = [Event("", value) for item in self._items() if (value := self._load(item)) is not None]
        if self._depth == 0:  # white space and commas
            del self._held[: self._at]
            self._at = 0
        if self._state == "after":
            self._held.clear()
        elif len(self._held) > self._limit:
            raise UnreadableEvent.of_size(self._limit)
        return events

    def flush(self) -> list[Event]:
        """Return nothing: an incomplete item is not an event."""
        return []

    def _begin(self) -> None:
        start = bytes(self._held[: len(BOM)])
        if len(start) < len(BOM) and BOM.startswith(start):
            return
        begun = self._held.removeprefix(BOM).lstrip(_SPACE)
        if begun:
            self._state = "inside" if begun.startswith(b"[") else "after"
            self._held = begun[1:]

    def _items(self) -> Iterator[bytes]:
        """The complete items that are objects or arrays. The rest stays buffered."""
        while self._state == "inside" and (at := self._next_bracket()) is not None:
            is_opening = self._held[at] in _OPENING
            if is_opening and self._depth == 0:
                self._start = at
            self._depth += 1 if is_opening else -1
            self._at = at + 1
            if self._depth < 0:
                self._state = "after"
            elif self._depth == 0:
                yield bytes(self._held[self._start : self._at])
                del self._held[: self._at]
                self._at = 0

    def _next_bracket(self) -> int | None:
        """The offset of the next bracket outside of strings; None if it has not arrived yet."""
        held = self._held
        while self._at < len(held):
            found = (_STRING if self._in_string else _PLAIN).match(held, self._at)
            self._at = found.end() if found else self._at
            if self._at == len(held):
                break
            if held[self._at] == _QUOTE:
                self._in_string = not self._in_string
                self._at += 1
            elif self._in_string:  # a backslash whose character is still to come
                break
            else:
                return self._at
        return None
