"""Captures a streamed body for the record."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

from gecholog import llm
from services.gl.record.payload import BoundedCopy

if TYPE_CHECKING:
    import asyncio

    from gecholog.timer import MonotonicNs
    from services.gl.bodies.reading import BodyForm

_SNIFFED = 64  # bytes of a body that show whether it is a stream of server-sent events


class BodyCapture:
    """The captured part of a body. It has no reference to the call: that would be a reference cycle."""

    def __init__(self, form: BodyForm, length: int | None, limit: int, stream_limit: int) -> None:
        """`length` is the announced size of the body; None if it is unknown.

        The copy has at most `limit` bytes, or `stream_limit` bytes if the body is a stream.
        """
        self.form = form
        self._length = length
        self._stream_limit = stream_limit
        is_stream = form.is_stream
        self._head: bytes | None = None if is_stream else b""  # the first bytes, until they are enough to sniff
        self.is_sse = False  # according to its first bytes
        self.began: MonotonicNs = 0  # when the first piece arrived
        self.copy = BoundedCopy(stream_limit if is_stream else limit)
        self.delivered = 0  # bytes that were sent to the client
        self.is_recorded = False
        self.folding: asyncio.Task[None] | None = None  # a thread that puts it into the record

    @property
    def is_complete(self) -> bool:
        """Whether the whole body has been captured. Never true if its size is unknown."""
        return self.copy.size == self._length

    def observe(self, piece: bytes) -> None:
        """Capture the next piece of the body."""
        if not self.began:
            self.began = monotonic_ns()
        if self._head is not None:
            self._sniff(piece)  # before the copy drops what exceeds the limit of other bodies
        self.copy.add(piece)

    def _sniff(self, piece: bytes) -> None:
        """Detect events that have another Content-Type. They get the copy limit of streams."""
        head = self._head = ((self._head or b"") + piece)[:_SNIFFED]
        self.is_sse = llm.begins_as_sse(head)
        if len(head) == _SNIFFED:
            self._head = None
        if self.is_sse:
            self.copy.limit = max(self.copy.limit, self._stream_limit)

    @property
    def is_open(self) -> bool:
        """Whether the copy can be read: it is not in the record, and no thread is putting it there."""
        return not self.is_recorded and self.folding is None

    @property
    def has_ended(self) -> bool:
        """Whether the client received the end mark of the stream."""
        whole = self.copy.whole
        return whole is not None and llm.has_ended(whole[: self.delivered])

    @property
    def awaits_usage(self) -> bool:
        """Whether only the usage was missing of an OpenAI stream when the client disconnected."""
        whole = self.copy.whole
        return whole is not None and llm.awaits_usage(whole)
