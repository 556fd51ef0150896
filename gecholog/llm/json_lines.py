"""Decodes JSON lines (NDJSON), and JSON text sequences (RFC 7464), incrementally."""

from __future__ import annotations

from gecholog.llm.event import BOM, Event, Load, UnreadableEvent, load

LARGEST_LINE = 32 * 1024 * 1024  # bytes
_RECORD_SEPARATOR = b"\x1e"


class JsonLinesDecoder:
    """Decodes each line that is a JSON object into an event. A line of more than `limit` bytes raises UnreadableEvent.

    Once a record separator has come, texts end at these and may have several lines.
    """

    __slots__ = ("_is_first", "_is_sequence", "_limit", "_load", "_parts", "_size")

    def __init__(self, limit: int = LARGEST_LINE, load: Load = load) -> None:
        self._limit = limit
        self._load = load
        self._parts: list[bytes] = []  # of the line that is not complete
        self._size = 0
        self._is_sequence = False
        self._is_first = True

    def feed(self, data: bytes) -> list[Event]:
        """Feed the next bytes. Returns the events of the lines that are complete now. Raises UnreadableEvent."""
        if not self._is_sequence and _RECORD_SEPARATOR in data:
            self._is_sequence = True
        if self._is_sequence:
            *texts, rest = data.split(_RECORD_SEPARATOR)
        else:
            *texts, rest = data.split(b"\n")
        events: list[Event] = []
        for text in texts:
            self._hold(text)
            events += self._taken()
        self._hold(rest)
        return events

    def flush(self) -> list[Event]:
        """Return the event of the last line if only its line end is missing."""
        return self._taken()

    def _hold(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise UnreadableEvent.of_size(self._limit)
        if part:
            self._parts.append(part)

    def _taken(self) -> list[Event]:
        text = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        if self._is_first and text:
            text, self._is_first = text.removeprefix(BOM), False
        lines = [text] if self._is_sequence else text.splitlines()  # CR ends a line, too
        return [Event("", value) for line in lines if (value := self._load(line)) is not None]
