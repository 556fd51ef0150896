"""An event of a stream: its name, and the JSON object that it holds."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from gecholog import lenient
from gecholog.errors import NotJson

BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event that holds a JSON object. `name` is the event's own type, empty if the framing has none.

    SSE has it in the field `event`, AWS's event streams in the header `:event-type`.
    """

    name: str
    value: dict[str, Any]


class StreamDecoder(Protocol):
    """Takes the bytes of a stream as they arrive, without content encoding, and gives back its events.

    Neither method raises on any bytes. Memory is bounded by the largest event that a decoder takes.
    """

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return the events that are complete with them."""

    def flush(self) -> list[Event]:
        """Return what the end of the stream makes an event, though its mark for that is missing."""


def load(data: bytes) -> dict[str, Any] | None:
    """The JSON object in `data`, None if there is none.

    Takes what servers send beside the grammar, as plain answers are read too (`gecholog.lenient`).
    """
    try:
        value = lenient.loads(data) if b"{" in data else None
    except NotJson:
        value = None
    return value if isinstance(value, dict) else None
