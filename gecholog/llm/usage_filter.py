"""Removes the chunk with the token usage for clients that did not request it."""

from __future__ import annotations

import re

from gecholog.llm.dialect import is_error
from gecholog.llm.event import BOM, load
from gecholog.llm.sse import FIELD_NAMES, Piece, SseFramer, fields, with_lf

_LIMIT = 64 * 1024  # bytes; an event beyond that is no usage chunk and is not held until it is complete
# Told without parsing; most chunks have choices.
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')


class UsageFilter:
    """Forwards an OpenAI SSE stream, except for the chunk that contains only the usage.

    That chunk has an empty list of `choices` and an object as `usage`, and comes because `usage_request` asked for it.
    All other bytes pass unchanged and in order, whatever they are and however they are cut; the bytes of an event wait
    for its end, at most `_LIMIT` of them. The other chunks of such a stream have the member `"usage": null`, which
    they would not have if the question had not been asked; it stays: clients know it, and chunks are not rewritten.
    Works on a body without content encoding.
    """

    __slots__ = ("_after_cr", "_framer")

    rewrites = False  # the client did not request what it removes

    def __init__(self) -> None:
        self._framer = SseFramer(_LIMIT, FIELD_NAMES)
        self._after_cr = False  # the last byte was the CR at the end of a removed event

    def feed(self, data: bytes) -> bytes:
        """Feed the next bytes. Returns the bytes to forward."""
        if data.endswith(b"\n\n") and self._framer.is_between_events and not _NO_CHOICES.search(data):
            return data
        return b"".join([piece.raw for piece in self._framer.feed(data) if self._goes_on(piece)])

    def flush(self) -> bytes:
        """Return the rest at the end of the stream."""
        rest = self._framer.flush()
        return b"" if _is_usage(rest) else rest

    def _goes_on(self, piece: Piece) -> bool:
        """The LF of a CRLF shares the fate of its CR."""
        is_withheld = (piece.is_event and _is_usage(piece.raw)) or (self._after_cr and piece.raw == b"\n")
        self._after_cr = is_withheld and piece.raw.endswith(b"\r")
        return not is_withheld


def _is_usage(event: bytes) -> bool:
    if len(event.rstrip(b"\r\n")) > _LIMIT or not _NO_CHOICES.search(event):
        return False
    _, data = fields(with_lf(event.removeprefix(BOM)))
    chunk = load(b"\n".join(data)) or {}
    return chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict) and not is_error(chunk.get("error"))
