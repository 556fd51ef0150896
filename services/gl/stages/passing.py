"""A body that passes by on its way to the caller: what was seen of it, and how it goes into the record."""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from gecholog import llm
from gecholog.headers import first
from gecholog.timer import span
from services.gl.record.payload import AT_ONCE, Copy
from services.gl.stages.inbound import (
    NOT_COUNTED,
    TakesLong,
    encoding_of,
    kept,
    may_have_usage,
    record_body,
    set_usage,
)

if TYPE_CHECKING:
    from gecholog.timer import MonotonicNs
    from services.gl.call import Call

_SNIFFED = 64  # bytes of a body that tell whether it begins as SSE does


def passing_of(call: Call, length: int | None) -> Passing:
    is_stream = llm.is_stream(first(call.inbound_headers, "Content-Type"))
    of_stream, most = call.config.limits.response_buffer, kept(call)
    if call.inbound_headers.get("Content-Encoding"):  # its usage shows only when it is decoded, from its beginning
        most = max(most, of_stream)
    return Passing(length=length, is_stream=is_stream, most=most, of_stream=of_stream)


class Passing:
    """A body that passes by. It does not know the call, lest the two keep each other alive."""

    def __init__(self, *, length: int | None, is_stream: bool, most: int, of_stream: int) -> None:
        """`length` is the size of the body, if it was told; `most` the bytes of it that are kept, if it is no stream.

        `is_stream` tells what it is announced as.
        """
        self._length = length
        self._is_stream = is_stream
        self._of_stream = of_stream
        self._head: bytes | None = None if is_stream else b""  # the first bytes, until they have told what it is
        self._is_sse = False  # by its first bytes
        self._first: MonotonicNs = 0  # when the first piece came
        self.copy = Copy(of_stream if is_stream else most)
        self.delivered = 0  # bytes that were handed to the caller
        self.is_recorded = False
        self.folding: asyncio.Task[None] | None = None  # the work of a thread on it

    @property
    def is_whole(self) -> bool:
        """All of a body whose size was told has passed."""
        return self.copy.size == self._length

    def saw(self, piece: bytes) -> None:
        """A piece of the body comes by."""
        if not self._first:
            self._first = monotonic_ns()
        self.copy.add(piece)
        if self._head is not None:
            self._sniff(piece)

    def _sniff(self, piece: bytes) -> None:
        """Events may be announced as something else. As much is kept of them as of any stream."""
        head = self._head = ((self._head or b"") + piece)[:_SNIFFED]
        self._is_sse = llm.begins_as_sse(head)
        if len(head) == _SNIFFED:
            self._head = None
        if self._is_sse:
            self.copy.limit = max(self.copy.limit, self._of_stream)

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

    def record(self, call: Call, *, completed: bool, at_once: bool = False) -> None:
        """Put what passed by into the record of its call; `completed` if the body, or its stream, came to its end.

        Raises TakesLong, before anything is done, if it should be done `at_once` and would hold up other calls.
        """
        if at_once and self.copy.size > AT_ONCE:
            raise TakesLong
        whole = self.copy.whole
        if whole is None:
            self._record_summary(call)
        else:
            completed = self._record_whole(call, whole, completed=completed, at_once=at_once)
        fields = call.response_section.fields
        fields["egress_payload"] = fields["inbound_payload"]
        if not completed or self._is_stream:
            fields["inbound_stream"] = self._stream(call, completed=completed)
        self.is_recorded = True
        self.copy.clear()

    def _record_summary(self, call: Call) -> None:
        cut = call.response_section.fields["inbound_payload"] = self.copy.summary()
        note = f"larger than {cut.limit} bytes, recorded by size, hash and head"
        may_be_counted = self._is_sse or may_have_usage(call)
        ends, usage = self.copy.ends, None
        if may_be_counted and not encoding_of(call):
            usage = llm.usage_at_ends(ends.head, ends.tail)
        set_usage(call, usage)
        is_uncounted = may_be_counted and usage is None
        call.response_section.note("inbound_payload", f"{note}: {NOT_COUNTED}" if is_uncounted else note)

    def _record_whole(self, call: Call, whole: bytes, *, completed: bool, at_once: bool) -> bool:
        """Record a body that was kept. Returns whether it is complete: an error in place of its end says that not."""
        streamed = record_body(call, whole, completed=completed, at_once=at_once)
        if streamed is None:
            return completed
        self._is_stream = True
        completed = completed and streamed.is_whole
        folded = streamed.answer
        if llm.is_error(folded.get("error")) and not llm.has_ended(streamed.body):
            call.response_section.note("inbound_stream", "the target sent an error in its stream")
            completed = False
        if not completed:
            told = "what had come of its usage is counted" if llm.is_counted(folded) else NOT_COUNTED
            call.response_section.note("inbound_stream", f"did not come to its end: {told}")
        return completed

    def _stream(self, call: Call, *, completed: bool) -> dict[str, Any]:
        first_seen = self._first or monotonic_ns()
        sent = call.sent or first_seen
        return {
            "chunks": self.copy.pieces,
            "first_chunk_timer": span(sent, first_seen),
            "completed": completed,
        }
