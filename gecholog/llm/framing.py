"""Detects the framing of a body's events: SSE, JSON lines, a JSON array, or AWS's event stream."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from gecholog import rawjson
from gecholog.llm.aws_event_stream import AwsEventStreamDecoder
from gecholog.llm.event import BOM, Event, StreamDecoder, load
from gecholog.llm.json_array import JsonArrayDecoder
from gecholog.llm.json_lines import JsonLinesDecoder
from gecholog.llm.sse import SseDecoder, begins_as_sse
from gecholog.media_type import media_type

_FRAMINGS = frozenset({"event-stream", "ndjson", "jsonl", "jsonlines", "json-lines", "json-seq", "json-stream"})
_AWS = "application/vnd.amazon.eventstream"


def looks_streamed(data: bytes) -> bool:
    """Tell whether a body without the Content-Type of a stream is one: SSE by its first line, or JSON lines.

    JSON lines begin with a complete object on one line, and are not JSON as a whole.
    """
    if begins_as_sse(data):
        return True
    start = data.removeprefix(BOM).lstrip()
    if not start.startswith(b"{"):
        return False
    first, _, rest = start.partition(b"\n")
    return bool(rest.strip()) and load(first) is not None and not rawjson.is_json(data)


@lru_cache(maxsize=256)
def is_stream(content_type: str) -> bool:
    """Tell whether a body of this type is a stream of events that may be folded.

    `text/event-stream`, JSON lines under their various names, JSON text sequences (RFC 7464), vendors' types that end
    in one of them (`application/vnd.example+ndjson`), and AWS's binary event stream. `application/json` is not among
    them: see `fold_array`.
    """
    found = media_type(content_type)
    subtype = found.partition("/")[2]
    return found == _AWS or subtype == "stream+json" or subtype.rpartition("+")[2].removeprefix("x-") in _FRAMINGS


def events_of(data: bytes, content_type: str) -> Iterator[Event]:
    """The events of a whole body that are JSON objects; everything else, such as `[DONE]`, is left out."""
    found = media_type(content_type)
    if found == _AWS:
        return _all(AwsEventStreamDecoder(), data)
    # some servers announce one and send the other
    start = data.removeprefix(BOM).lstrip()
    is_sse = not start.startswith(b"{") if found.endswith("event-stream") else begins_as_sse(data)
    return server_sent(data) if is_sse else lines(data)


def server_sent(data: bytes) -> Iterator[Event]:
    """The events of a whole SSE body."""
    return _all(SseDecoder(len(data)), data)


def lines(data: bytes) -> Iterator[Event]:
    """The events of a whole body of JSON lines."""
    return _all(JsonLinesDecoder(len(data)), data)


def items(data: bytes) -> Iterator[Event]:
    """The objects in a JSON array. Of an incomplete array, the complete items."""
    if not data.removeprefix(BOM).lstrip().startswith(b"["):
        return iter(())
    try:
        found: list[Any] = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _all(JsonArrayDecoder(len(data)), data)
    return (Event("", item) for item in found if isinstance(item, dict))


def _all(decoder: StreamDecoder, data: bytes) -> Iterator[Event]:
    yield from decoder.feed(data)
    yield from decoder.flush()
