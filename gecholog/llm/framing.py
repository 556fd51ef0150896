"""Detects the framing of a body's events: SSE, JSON lines, a JSON array, or AWS's event stream."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from gecholog import rawjson
from gecholog.llm.aws_event_stream import AwsEventStreamDecoder
from gecholog.llm.event import BOM, Event, Load, StreamDecoder, load, load_or_raise, load_together
from gecholog.llm.json_array import JsonArrayDecoder
from gecholog.llm.json_lines import JsonLinesDecoder
from gecholog.llm.sse import SseDecoder, begins_as_sse, may_begin_sse
from gecholog.media_type import media_type

_FRAMINGS = frozenset({"event-stream", "ndjson", "jsonl", "jsonlines", "json-lines", "json-seq", "json-stream"})
_AWS = "application/vnd.amazon.eventstream"
_LONGEST_START = 64  # bytes that tell the framing of a stream
_LONGEST_JSON = 64 * 1024  # bytes of a body that begins as an object, after which its framing is not waited for


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


def begins_as_stream(start: bytes, content_type: str, *, is_whole: bool = False) -> bool | None:
    """Tell by the first bytes of a body whether it is a stream of events. None: these bytes are too few to tell.

    Some servers announce JSON and send events, or the other way round, so the Content-Type counts only where the bytes
    leave it open. `is_whole`: nothing follows, so the result is not None.
    """
    found, text = media_type(content_type), start.removeprefix(BOM).lstrip()
    if found == _AWS or start.startswith(b"\0"):
        return True
    if not text:
        return is_stream(content_type) if is_whole else None
    if text.startswith(b"{"):
        return _begins_as_lines(text, is_whole=is_whole) if not _is_lines(found) else True
    if text.startswith(b"[") or is_stream(content_type) or begins_as_sse(text):
        return True
    return None if may_begin_sse(text) and not is_whole else False


def _is_lines(found: str) -> bool:
    return is_stream(found) and not found.endswith("event-stream")


def _begins_as_lines(text: bytes, *, is_whole: bool) -> bool | None:
    """Tell JSON lines, of which the first is a whole object and not the only one, from one JSON object."""
    first, line_end, rest = text.partition(b"\n")
    if not line_end:
        return False if is_whole or len(text) > _LONGEST_JSON else None
    if load(first) is None:
        return False
    return True if rest.strip() else (False if is_whole else None)


def decoder_of(start: bytes, load: Load = load) -> StreamDecoder | None:
    """The decoder for the framing of a stream, by its first bytes, or else that of SSE. None: too few to tell.

    `load` parses the events, except those of AWS's event stream.
    """
    if start[:1] == b"\0":  # the length of a message of less than 16 MB
        return AwsEventStreamDecoder()
    first = start.removeprefix(BOM).lstrip()[:1]
    if not first:
        return None if len(start) < _LONGEST_START else SseDecoder(load=load)
    if first == b"{":
        return JsonLinesDecoder(load=load)
    return JsonArrayDecoder(load=load) if first == b"[" else SseDecoder(load=load)


def events_of(data: bytes, content_type: str, load: Load = load) -> Iterator[Event]:
    """The events of a whole body that are JSON objects; everything else, such as `[DONE]`, is left out.

    `load` parses the events, except those of AWS's event stream.
    """
    found = media_type(content_type)
    if found == _AWS:
        return _all(AwsEventStreamDecoder(), data)
    # some servers announce one and send the other
    start = data.removeprefix(BOM).lstrip()
    is_sse = not start.startswith(b"{") if found.endswith("event-stream") else begins_as_sse(data)
    return server_sent(data, load) if is_sse else lines(data, load)


def server_sent(data: bytes, load: Load = load) -> Iterator[Event]:
    """The events of a whole SSE body."""
    found = _data_lines(data)
    return _all(SseDecoder(len(data), load), data) if found is None else _loaded(found, load)


_DATA = b"data:"


def _data_lines(data: bytes) -> list[bytes] | None:
    """The events of a body, if each is a single line of data, as most are. `SseDecoder` finds the same in them."""
    if data.find(b"\r") >= 0 or not data.endswith(b"\n\n"):
        return None
    found = data[:-2].split(b"\n\n")
    # one name and one line end each, as all begin with the former and none of the latter is left
    is_plain = data.count(b"\n") == 2 * len(found) and all(line.startswith(_DATA) for line in found)
    return found if is_plain else None


def _loaded(found: list[bytes], load: Load) -> Iterator[Event]:
    # another parser may keep large integers exact, which `load_together` does not
    if load is load_or_raise and (values := load_together([line[len(_DATA) :] for line in found])) is not None:
        yield from [Event("", value) for value in values]
        return
    for line in found:
        if (value := load(line[len(_DATA) :])) is not None:
            yield Event("", value)


def lines(data: bytes, load: Load = load) -> Iterator[Event]:
    """The events of a whole body of JSON lines."""
    return _all(JsonLinesDecoder(len(data), load), data)


def items(data: bytes) -> Iterator[Event]:
    """The objects in a JSON array. Of an incomplete array, the complete items."""
    if not data.removeprefix(BOM).lstrip().startswith(b"["):
        return iter(())
    try:
        found: list[Any] = orjson.loads(memoryview(data))  # it may be a `Raw`
    except orjson.JSONDecodeError:
        return _all(JsonArrayDecoder(len(data)), data)
    return (Event("", item) for item in found if isinstance(item, dict))


def _all(decoder: StreamDecoder, data: bytes) -> Iterator[Event]:
    yield from decoder.feed(data)
    yield from decoder.flush()
