"""Captures a streamed body for the record."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

from gecholog import llm
from services.gl.record.payload import BoundedCopy

if TYPE_CHECKING:
    import asyncio

    from gecholog.timer import MonotonicNs
    from services.gl.body_reading import BodyForm

_SNIFFED = 64  # bytes of a body that tell whether it begins as SSE does


class BodyCapture:
    """What has been seen of a body. It does not know the call, lest the two keep each other alive."""

    def __init__(self, form: BodyForm, length: int | None, limit: int, stream_limit: int) -> None:
        """`length` is the size of the body, if it was told; `most` the bytes of it that are kept, if it is no stream.

        `of_stream` is the same for a stream.
        """
        self.form = form
        self._length = length
        self._stream_limit = stream_limit
        is_stream = form.is_stream
        self._head: bytes | None = None if is_stream else b""  # the first bytes, until they have told what it is
        self.is_sse = False  # by its first bytes
        self.began: MonotonicNs = 0  # when the first piece came
        self.copy = BoundedCopy(stream_limit if is_stream else limit)
        self.delivered = 0  # bytes that were handed to the caller
        self.is_recorded = False
        self.folding: asyncio.Task[None] | None = None  # the work of a thread on it

    @property
    def is_complete(self) -> bool:
        """All of a body whose size was told has been seen."""
        return self.copy.size == self._length

    def observe(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        if not self.began:
            self.began = monotonic_ns()
        if self._head is not None:
            self._sniff(piece)  # before the copy lets go of what is too much for another body
        self.copy.add(piece)

    def _sniff(self, piece: bytes) -> None:
        """Events may be announced as something else. As much is kept of them as of any stream."""
        head = self._head = ((self._head or b"") + piece)[:_SNIFFED]
        self.is_sse = llm.begins_as_sse(head)
        if len(head) == _SNIFFED:
            self._head = None
        if self.is_sse:
            self.copy.limit = max(self.copy.limit, self._stream_limit)

    @property
    def is_open(self) -> bool:
        """It is not in the record, and no thread is putting it there: what was kept may be looked at."""
        return not self.is_recorded and self.folding is None

    @property
    def has_ended(self) -> bool:
        """Whether the caller was handed the mark by which an API says that nothing follows."""
        whole = self.copy.whole
        return whole is not None and llm.has_ended(whole[: self.delivered])

    @property
    def awaits_usage(self) -> bool:
        """Whether the caller left an OpenAI stream of which only the usage was still to come."""
        whole = self.copy.whole
        return whole is not None and llm.awaits_usage(whole)
