"""The events of a streamed body: SSE and JSON lines, in whatever state they arrived."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from gecholog import lenient, rawjson
from gecholog.errors import NotJson

_FRAMINGS = frozenset({"event-stream", "ndjson", "jsonl", "jsonlines", "json-lines", "json-seq", "json-stream"})
BOM = b"\xef\xbb\xbf"
_SSE_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")
_RECORD_SEPARATOR = b"\x1e"
_BETWEEN = re.compile(r"[ \t\r\n,]*")


class Event(NamedTuple):
    """One event that holds a JSON object. `name` is SSE's `event` field, empty if there is none."""

    name: str
    value: dict[str, Any]


def looks_streamed(data: bytes) -> bool:
    """Tell whether a body that is not announced as a stream is one: SSE by its first line, or JSON lines.

    The latter begin with a whole object on a line of its own and are no JSON together.
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

    `text/event-stream`, JSON lines under their various names, JSON text sequences (RFC 7464), and vendors' types that
    end in one of them (`application/vnd.example+ndjson`). AWS's binary event stream is not among them: its frames are
    no text. Nor is `application/json`: see `fold_array`.
    """
    subtype = media_type(content_type).partition("/")[2]
    return subtype == "stream+json" or subtype.rpartition("+")[2].removeprefix("x-") in _FRAMINGS


def media_type(content_type: str) -> str:
    """`Text/Event-Stream; charset=utf-8` → `text/event-stream`."""
    return content_type.partition(";")[0].strip().lower()


def events_of(data: bytes, content_type: str) -> Iterator[Event]:
    """The events of a whole body that are JSON objects; everything else, such as `[DONE]`, is left out."""
    data = data.removeprefix(BOM)
    is_announced = media_type(content_type).endswith("event-stream")
    # some servers announce one and send the other
    is_sse = not data.lstrip().startswith(b"{") if is_announced else begins_as_sse(data)
    return server_sent(data) if is_sse else lines(data)


def begins_as_sse(data: bytes) -> bool:
    """Tell whether a body begins with a line of SSE, perhaps behind a byte order mark and blank lines."""
    return data.removeprefix(BOM).lstrip(b"\r\n").startswith(_SSE_LINES)


def server_sent(data: bytes) -> Iterator[Event]:
    """The events of an SSE body (WHATWG HTML, section 9.2.6, "Interpreting an event stream").

    Departures, so that nothing that came is lost: the last event counts without its blank line, if its JSON is whole;
    if the `data` lines are no JSON together, each counts alone (senders forget blank lines); and a JSON object that
    stands there without `data:` counts as an event (an error that a server puts behind what it has sent).
    """
    for block in with_lf(data).split(b"\n\n"):
        # nearly every event is one data line
        if block.startswith(b"data:") and b"\n" not in block:
            value = load(block[5:])
            if value is not None:
                yield Event("", value)
        elif block:
            yield from _event(block)


def with_lf(data: bytes) -> bytes:
    """`data` with LF in place of CRLF and CR, the other two line ends of SSE."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def fields(block: bytes) -> tuple[str, list[bytes]]:
    """The name and the `data` lines of one event, whose line ends are LF."""
    name, data = "", []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ").decode("utf-8", "replace")
    return name, data


def _event(block: bytes) -> Iterator[Event]:
    block, bare = _split_bare(block)
    name, data = fields(block)
    whole = load(b"\n".join(data))
    values = [whole] if whole is not None or len(data) == 1 else map(load, data)
    for found in values:
        if found is not None:
            yield Event(name, found)
    if bare is not None:
        yield Event("", bare)


def _split_bare(block: bytes) -> tuple[bytes, dict[str, Any] | None]:
    """The lines of an event, and the JSON object that stands behind them without a field name."""
    at = 0 if block.startswith(b"{") else block.find(b"\n{") + 1
    if not at and not block.startswith(b"{"):
        return block, None
    bare = load(block[at:])
    return (block, None) if bare is None else (block[:at], bare)


def lines(data: bytes) -> Iterator[Event]:
    """The events of a body of JSON lines, or of JSON texts that each follow a record separator (RFC 7464)."""
    for line in data.split(_RECORD_SEPARATOR) if _RECORD_SEPARATOR in data else data.splitlines():
        value = load(line)
        if value is not None:
            yield Event("", value)


def load(data: bytes) -> dict[str, Any] | None:
    """The JSON object in `data`, None if there is none.

    Takes what servers send beside the grammar, as plain answers are read too (`gecholog.lenient`).
    """
    try:
        value = lenient.loads(data) if b"{" in data else None
    except NotJson:
        value = None
    return value if isinstance(value, dict) else None


def items(data: bytes) -> Iterator[Event]:
    """The objects in a JSON array. One that was cut off counts as far as its items are whole."""
    data = data.removeprefix(BOM)
    if not data.lstrip().startswith(b"["):
        return iter(())
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = _whole_items(data)
    return (Event("", item) for item in found if isinstance(item, dict))


def _whole_items(data: bytes) -> Iterator[Any]:
    """The items of an array up to the first that is not whole."""
    text = data.decode("utf-8", "replace")
    at = text.index("[") + 1
    while between := _BETWEEN.match(text, at):
        try:
            value, at = lenient.DECODER.raw_decode(text, between.end())
        except (ValueError, RecursionError):
            return
        yield value
