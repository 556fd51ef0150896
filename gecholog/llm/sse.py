"""Server-sent events (WHATWG HTML, section 9.2.6, "Interpreting an event stream"), incrementally.

    SseFramer    splits a stream into the bytes of its events, to forward them
    SseDecoder   decodes the events

Both work on decoded bodies, in pieces of any size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gecholog.llm.event import BOM, Event, Load, UnreadableEvent, load

LARGEST_EVENT = 32 * 1024 * 1024  # bytes
_LINE_ENDS = (b"\n", b"\r", b"\r\n")
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_COMMENT_OR_BLANK = (b":", b"\n", b"\r")
# What the first line of an event may begin with: a field, perhaps without a value, or what stands before the first.
FIELD_NAMES = (b"data", b"event", b"id", b"retry", BOM)
_LONGEST_NAME = 5
_LONGEST_LINE_END = 2


def begins_as_sse(data: bytes) -> bool:
    """Tell whether a body begins with a line of SSE, perhaps after a byte order mark and blank lines."""
    return data.removeprefix(BOM).lstrip(b"\r\n").startswith(_FIELDS)


def may_begin_sse(data: bytes) -> bool:
    """Tell whether these first bytes of a body may be the beginning of a line of SSE."""
    return any(field.startswith(data) for field in _FIELDS)


class Piece(NamedTuple):
    """Bytes of a stream. `is_event`: they are one complete event, with its blank line.

    Else they are comments between events, blank lines, a part of an event that is too large or begins with no known
    field, or the LF of a CRLF whose CR was the last byte of the piece before.
    """

    raw: bytes
    is_event: bool


class SseFramer:
    """Splits an SSE stream into pieces. All pieces together are the bytes that were fed, in order.

    An event is buffered until its blank line arrives, up to `limit` bytes without its last line end. An event that
    begins with none of `beginnings` is not buffered; without `beginnings` all events are.
    """

    __slots__ = ("_after_cr", "_beginnings", "_held", "_in_line", "_is_strict", "_limit", "_passing")

    def __init__(
        self, limit: int = LARGEST_EVENT, beginnings: tuple[bytes, ...] = (), *, is_strict: bool = False
    ) -> None:
        """`is_strict`: an event of more than `limit` bytes raises UnreadableEvent, and is not passed on in parts."""
        self._limit = limit
        self._is_strict = is_strict
        self._beginnings = beginnings
        self._held = bytearray()  # the event that is not complete
        self._passing = ""  # until the end of what bytes go on undecided: "line", "event", or nothing
        self._in_line = False  # the last byte was no line end
        self._after_cr = False  # the last byte was CR: an LF would belong to it

    @property
    def is_between_events(self) -> bool:
        """Whether nothing is buffered, and the next byte begins an event."""
        return not (self._held or self._passing or self._in_line or self._after_cr)

    def feed(self, data: bytes) -> list[Piece]:
        """Feed the next bytes. Returns the pieces that are complete now."""
        separator = _separator(data) if self.is_between_events else b""
        if not separator:
            return self._lines(data)
        *events, rest = data.split(separator)
        pieces: list[Piece] = []
        for event in events:
            raw = event + separator
            if len(event) <= self._limit and self._is_plain(raw):
                pieces.append(Piece(raw, True))  # noqa: FBT003 - in the order of its fields
            else:
                pieces += self._lines(raw)
        return pieces + self._lines(rest)

    def flush(self) -> bytes:
        """Return the buffered bytes at the end of the stream."""
        return self._released()

    def _is_plain(self, raw: bytes) -> bool:
        """Tell whether an event begins as one that is held; comments and blank lines before it are pieces of theirs."""
        return raw.startswith(self._beginnings) if self._beginnings else not raw.startswith(_COMMENT_OR_BLANK)

    def _lines(self, data: bytes) -> list[Piece]:
        return [piece for line in data.splitlines(keepends=True) for piece in self._next(line)]

    def _next(self, line: bytes) -> Iterator[Piece]:
        """Handle a line, or a part of one."""
        if self._after_cr and line == b"\n":
            self._after_cr = False
            yield from self._second_half(line)
            return
        begins, self._in_line = not self._in_line, not line.endswith(_LINE_ENDS)
        self._after_cr = line.endswith(b"\r")
        is_blank = begins and line in _LINE_ENDS
        if self._passing:
            if is_blank if self._passing == "event" else not self._in_line:
                self._passing = ""
            yield Piece(line, False)  # noqa: FBT003 - in the order of its fields
        elif not self._held and (is_blank or line.startswith(b":")):
            self._passing = "line" if self._in_line else ""
            yield Piece(line, False)  # noqa: FBT003 - as above
        else:
            self._held += line
            yield from self._decided(is_blank=is_blank)

    def _decided(self, *, is_blank: bool) -> Iterator[Piece]:
        if is_blank:
            is_event = len(self._held.rstrip(b"\r\n")) <= self._limit
            if not is_event:
                self._refuse()
            yield Piece(self._released(), is_event)
        elif not self._may_be_held():
            self._refuse()
            self._passing = "event"
            yield Piece(self._released(), False)  # noqa: FBT003 - in the order of its fields

    def _refuse(self) -> None:
        if self._is_strict:
            raise UnreadableEvent.of_size(self._limit)

    def _second_half(self, lf: bytes) -> Iterator[Piece]:
        """The LF of a CRLF belongs to the piece that ended with its CR."""
        if self._held:
            self._held += lf
        else:
            yield Piece(lf, False)  # noqa: FBT003 - in the order of its fields

    def _may_be_held(self) -> bool:
        # the end of a line, up to two bytes, is not counted when an event is complete
        if len(self._held) > self._limit + _LONGEST_LINE_END:
            return False
        if not self._beginnings:
            return True
        start = bytes(self._held[:_LONGEST_NAME])
        return any(start.startswith(known) or known.startswith(start) for known in self._beginnings)

    def _released(self) -> bytes:
        released = bytes(self._held)
        self._held.clear()
        return released


def _separator(data: bytes) -> bytes:
    """The separator of events if all lines have the same ending, LF or CRLF; empty otherwise."""
    if data.find(b"\r") < 0:  # `in` takes longer
        return b"\n\n"
    count = data.count(b"\r\n")
    return b"\r\n\r\n" if count == data.count(b"\r") == data.count(b"\n") else b""


class SseDecoder:
    """Decodes the events of an SSE stream. An event of more than `limit` bytes raises UnreadableEvent.

    It deviates from the standard so that no received data are lost. The last event counts without its blank line, if
    its JSON is complete. If the `data` lines are not JSON together, each one counts (some senders forget blank lines).
    A JSON object without `data:` is an event (some servers append an error like that). Events without a JSON object,
    such as `[DONE]`, are left out.
    """

    __slots__ = ("_framer", "_is_first", "_load")

    def __init__(self, limit: int = LARGEST_EVENT, load: Load = load) -> None:
        self._framer = SseFramer(limit, is_strict=True)
        self._load = load
        self._is_first = True

    def feed(self, data: bytes) -> list[Event]:
        """Feed the next bytes. Returns the events that are complete now. Raises UnreadableEvent."""
        return [event for raw, is_event in self._framer.feed(data) if is_event for event in self._events(raw)]

    def flush(self) -> list[Event]:
        """Return the last event if its blank line is missing."""
        return list(self._events(self._framer.flush()))

    def _events(self, raw: bytes) -> Iterator[Event]:
        if self._is_first:
            raw, self._is_first = raw.removeprefix(BOM), False
        # nearly every event is one data line
        if raw.startswith(b"data:") and raw.endswith(b"\n\n") and raw.count(b"\n") == 2 and raw.find(b"\r") < 0:  # noqa: PLR2004
            value = self._load(raw[5:])
            if value is not None:
                yield Event("", value)
        elif raw:
            yield from _event(with_lf(raw).rstrip(b"\n"), self._load)


def with_lf(data: bytes) -> bytes:
    """`data` with LF in place of CRLF and CR, the other two line ends of SSE."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if data.find(b"\r") >= 0 else data


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


def _event(block: bytes, load: Load) -> Iterator[Event]:
    block, bare = _split_bare(block)
    name, data = fields(block)
    whole = load(b"\n".join(data))
    values = [whole] if whole is not None or len(data) == 1 else map(load, data)
    for found in values:
        if found is not None:
            yield Event(name, found)
    if bare is not None:
        yield bare


def _split_bare(block: bytes) -> tuple[bytes, Event | None]:
    """The lines of an event, and a JSON object after them that has no field name."""
    at = 0 if block.startswith(b"{") else block.find(b"\n{") + 1
    if not at and not block.startswith(b"{"):
        return block, None
    bare = load(block[at:])
    return (block, None) if bare is None else (block[:at], Event("", bare))
