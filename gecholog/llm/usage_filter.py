"""The chunk with the token usage, kept from a client that did not ask for it."""

from __future__ import annotations

import re

from gecholog.llm.dialect import is_error
from gecholog.llm.events import BOM, fields, load, with_lf

_LIMIT = 64 * 1024  # bytes; an event beyond that is no usage chunk and is not held until it is complete
# Told without parsing; most chunks have choices.
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_LINE_ENDS = (b"\n", b"\r", b"\r\n")
# What the first line of an event may begin with if the event is to be a usage chunk (a comment is passed on at once).
_BEGINNINGS = (b"data", b"event", b"id", b"retry", BOM)
_LONGEST_BEGINNING = 5


class UsageFilter:
    """Passes an OpenAI SSE stream on, except for the chunk that only holds the usage.

    That chunk has an empty list of `choices` and an object as `usage`, and comes because `usage_request` asked for it.
    All other bytes pass unchanged and in order, whatever they are and however they are cut; the bytes of an event wait
    for its end, at most `_LIMIT` of them. The other chunks of such a stream have the member `"usage": null`, which
    they would not have if the question had not been asked; it stays: clients know it, and chunks are not rewritten.
    Works on a body without content encoding.
    """

    __slots__ = ("_after_cr", "_held", "_in_line", "_passing", "_withheld")

    def __init__(self) -> None:
        self._held = bytearray()  # the event that is not complete
        self._passing = ""  # until the end of what bytes go on undecided: "line", "event", or nothing
        self._in_line = False  # the last byte was no line end
        self._after_cr = False  # the last byte was CR: an LF would belong to it
        self._withheld = False  # the last bytes were the end of an event that was withheld

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, return those that may go on."""
        if data.endswith(b"\n\n") and self._is_between_events() and not _NO_CHOICES.search(data):
            return data
        return b"".join([self._next(line) for line in data.splitlines(keepends=True)])

    def flush(self) -> bytes:
        """Return what is left when the stream has ended."""
        return self._decided()

    def _is_between_events(self) -> bool:
        return not (self._held or self._passing or self._in_line or self._after_cr)

    def _next(self, line: bytes) -> bytes:
        """Take a line, or a part of one; return what may go on."""
        if self._after_cr and line == b"\n":
            self._after_cr = False
            return self._second_half(line)
        begins, self._in_line = not self._in_line, not line.endswith(_LINE_ENDS)
        self._after_cr = line.endswith(b"\r")
        self._withheld = False
        is_blank = begins and line in _LINE_ENDS
        if self._passing:
            if is_blank if self._passing == "event" else not self._in_line:
                self._passing = ""
            return line
        if not self._held and (is_blank or line.startswith(b":")):
            self._passing = "line" if self._in_line else ""
            return line
        self._held += line
        if is_blank:
            return self._decided()
        return b"" if self._may_be_usage() else self._given_up()

    def _second_half(self, lf: bytes) -> bytes:
        """The LF of a CRLF shares the fate of its CR."""
        if self._held:
            self._held += lf
            return b""
        return b"" if self._withheld else lf

    def _may_be_usage(self) -> bool:
        beginning = bytes(self._held[:_LONGEST_BEGINNING])
        may_begin = any(beginning.startswith(known) or known.startswith(beginning) for known in _BEGINNINGS)
        # the end of a line, up to two bytes, is not counted when an event is complete
        return may_begin and len(self._held) <= _LIMIT + 2

    def _given_up(self) -> bytes:
        self._passing = "event"
        return self._released()

    def _decided(self) -> bytes:
        event = self._released()
        self._withheld = _is_usage(event)
        return b"" if self._withheld else event

    def _released(self) -> bytes:
        released = bytes(self._held)
        self._held.clear()
        return released


def _is_usage(event: bytes) -> bool:
    if len(event.rstrip(b"\r\n")) > _LIMIT or not _NO_CHOICES.search(event):
        return False
    _, data = fields(with_lf(event.removeprefix(BOM)))
    chunk = load(b"\n".join(data)) or {}
    return chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict) and not is_error(chunk.get("error"))
