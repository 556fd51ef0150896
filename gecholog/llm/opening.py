"""The first bytes of an answer to a request for a stream: whether it is a stream, and whether it is an error. Pure."""

from __future__ import annotations

from gecholog.errors import NotJson
from gecholog.llm.chat_dialect import ChatDialect
from gecholog.llm.deltas import Failed, Started
from gecholog.llm.dialect import is_ping
from gecholog.llm.errors import ErrorInfo
from gecholog.llm.event import Event, StreamDecoder
from gecholog.llm.framing import begins_as_stream, decoder_of
from gecholog.llm.sse import SseDecoder

_FIELDS = (b"data:", b"event:")
_BLANK_LINES = (b"\n\n", b"\r\n\r\n")


class Opening:
    """Reads an answer up to its first event. Comments and pings do not count as events.

    `is_stream` tells whether the body is a stream; None: that is not known yet. `error` is what the provider reports
    in place of an answer.
    """

    __slots__ = ("_content_type", "_decoder", "_reader", "_start", "error", "is_stream")

    def __init__(self, provider: ChatDialect, content_type: str) -> None:
        self._content_type = content_type
        self._reader = provider.stream_reader()
        self._start = b""  # the first bytes, until they tell the framing
        self._decoder: StreamDecoder | None = None
        self.is_stream: bool | None = None
        self.error: ErrorInfo | None = None

    def feed(self, data: bytes) -> bool:
        """Take the next bytes. Returns whether they are enough."""
        if self._decoder is not None:
            return self._read(self._decoder.feed(data))
        start = self._start = self._start + data
        if _is_plain(start):
            self.is_stream = True
            return True
        self.is_stream = begins_as_stream(start, self._content_type)
        return self._begin() if self.is_stream else self.is_stream is False

    def flush(self) -> None:
        """The body has ended."""
        has_begun = False
        if self._decoder is None:
            self.decide()
            has_begun = self._begin() if self.is_stream else True
        if self._decoder is not None and not (self._read(self._decoder.flush()) or has_begun):
            self.error = next((end.error for end in self._reader.end() if isinstance(end, Failed)), None)

    def decide(self) -> None:
        """Decide by what has come so far whether the body is a stream."""
        if self.is_stream is None:
            self.is_stream = begins_as_stream(self._start, self._content_type, is_whole=True)

    def _begin(self) -> bool:
        self._decoder = decoder_of(self._start) or SseDecoder()
        return self._read(self._decoder.feed(self._start))

    def _read(self, events: list[Event]) -> bool:
        """Tell whether there is an event. Events that arrive together are read up to the first piece of the answer."""
        told = [event for event in events if not is_ping(event)]
        for event in told:
            try:
                deltas = self._reader.read(event)
            except (NotJson, RecursionError):  # nested too deep
                break
            for delta in deltas:
                if isinstance(delta, Failed):
                    self.error = delta.error
                if not isinstance(delta, Started):
                    return True
        return bool(told)


def _is_plain(start: bytes) -> bool:
    """Tell quickly, of most streams, that they begin with an event of SSE that is no error and no ping."""
    if not start.startswith(_FIELDS) or b"{" not in start or b"error" in start or b"ping" in start:
        return False
    return any(blank in start for blank in _BLANK_LINES)
