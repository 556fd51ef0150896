"""One HTTP/1.1 connection to a target: one request at a time, the answer's body piece by piece (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import httptools

from services.gl.call import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.gl.call import Lines

_HIGH_WATER = 256 * 1024  # bytes of an answer that may wait here while the caller is slow
_LARGEST_HEAD = 1024 * 1024  # bytes


class Patience(NamedTuple):
    """How long an answer is waited for, in seconds; `deadline` is a time of the event loop's clock."""

    first_byte: float | None
    between_chunks: float | None
    deadline: float | None


class Connection(asyncio.Protocol):
    """A connection to one target. `release` is called when it can take the next request."""

    def __init__(self, release: Callable[[Connection], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self._release = release
        self._transport: Any = None  # uvloop's transports are no subclasses of asyncio.Transport
        self._answer: StreamedAnswer | None = None
        self.closed = False
        self.lost_idle = False  # it was lost before a byte of the answer came, having served other requests before
        self._uses = 0
        self.idle_since = 0.0

    # ------------------------------------------------------------- requests

    async def request(self, head: bytes, body: bytes, *, is_head: bool, patience: Patience) -> StreamedAnswer:
        """Send a request; return its answer when status and headers are there. Raises UpstreamError.

        A caller that is cancelled meanwhile closes the connection.
        """
        self._uses += 1
        answer = self._answer = StreamedAnswer(self, is_head=is_head, patience=patience)
        transport = self._transport
        if transport is None or self.closed:
            raise UpstreamError(502, "connection closed before the request")
        transport.write(head + body if len(body) < _HIGH_WATER else head)
        if len(body) >= _HIGH_WATER:
            transport.write(body)
        try:
            await answer.head()
        except BaseException:
            self.close()
            raise
        return answer

    def done(self, answer: StreamedAnswer, *, reusable: bool) -> None:
        """The answer has come to its end."""
        if self._answer is not answer:
            return
        self._answer = None
        if reusable and not self.closed and self._transport is not None:
            self._transport.resume_reading()
            self._release(self)
        else:
            self.close()

    def close(self) -> None:
        """Close the connection now."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Read no more until `resume`: the target is held back."""
        if self._transport is not None and not self.closed:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self.closed:
            self._transport.resume_reading()

    # ------------------------------------------------- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # nobody asked: what the next request got would not be its answer
        else:
            self._answer.feed(data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self._answer is not None:
            self.lost_idle = self._uses > 1 and not self._answer.started
            self._answer.lost(type(error).__name__ if error else "connection closed")


class StreamedAnswer:
    """The answer to one request, as it arrives."""

    def __init__(self, connection: Connection, *, is_head: bool, patience: Patience) -> None:
        self.status = 0
        self.lines: Lines = []
        self.started = False  # a byte of it has come
        self._connection = connection
        self._is_head = is_head
        self._patience = patience
        self._parser: Any = httptools.HttpResponseParser(self)
        self._head_bytes = 0
        self._has_head = False
        self._until_close = False
        self._length: int | None = None
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._held = False
        self._complete = False
        self._fault: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None

    # -------------------------------------------------------------- the body

    @property
    def length(self) -> int | None:
        """Size of the body if the head told it."""
        return self._length

    async def read(self) -> bytes:
        """The next piece, empty at the end. Raises UpstreamError if the answer breaks off."""
        while not self._pieces:
            if self._complete:
                return b""
            if self._fault is not None:
                raise self._fault
            await self._wait(self._patience.between_chunks, "no more data in time")
        if len(self._pieces) == 1:
            piece = self._pieces.popleft()
        else:
            piece = b"".join(self._pieces)
            self._pieces.clear()
        self._waiting = 0
        if self._held:
            self._held = False
            self._connection.resume()
        return piece

    def abandon(self) -> None:
        """Nobody wants the rest: the target is told by a closed connection."""
        self._pieces.clear()
        if not self._complete:
            self._connection.done(self, reusable=False)
            self._fault = self._fault or UpstreamError(502, "abandoned")

    async def head(self) -> None:
        """Wait for status and headers. Raises UpstreamError."""
        while not self._has_head:
            if self._fault is not None:
                raise self._fault
            await self._wait(self._patience.first_byte, "no answer in time")

    async def _wait(self, seconds: float | None, late: str) -> None:
        """Wait for the next bytes, but no longer than `seconds` and the deadline. Raises UpstreamError (504)."""
        loop = self._connection.loop
        if (deadline := self._patience.deadline) is not None:
            left = max(deadline - loop.time(), 0.0)
            seconds = left if seconds is None else min(seconds, left)
        waiter = self._waiter = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _expire, waiter)
        try:
            await waiter
        except TimeoutError:
            self._fail(UpstreamError(HTTPStatus.GATEWAY_TIMEOUT, late))
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # ------------------------------------------------------------ what comes

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self.started = True
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._complete:
                self._fail(UpstreamError(502, f"not HTTP: {error}"))
            return
        finally:
            if self._complete or self._fault is not None:
                self._parser = None  # it knows our methods: a cycle that only the collector would find
        if not self._has_head and self._head_bytes > _LARGEST_HEAD:
            self._fail(UpstreamError(502, "head of the answer too large"))
        elif self._waiting > _HIGH_WATER and not self._complete:
            self._held = True
            self._connection.pause()

    def lost(self, reason: str) -> None:
        """The connection is gone. For a body without a length this is its end (RFC 9112, section 6.3)."""
        if self._has_head and self._until_close and reason == "connection closed":
            self._end(reusable=False)
        elif not self._complete:
            self._fail(UpstreamError(502, reason))

    def _fail(self, fault: UpstreamError) -> None:
        self._fault = self._fault or fault
        self._connection.done(self, reusable=False)
        self._wake()

    def _end(self, *, reusable: bool) -> None:
        self._complete = True
        self._connection.done(self, reusable=reusable)
        self._wake()

    # ------------------------------------------------------ what the parser says

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # behind the body: trailers, which are dropped
            self.lines.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < HTTPStatus.OK:
            if status == HTTPStatus.SWITCHING_PROTOCOLS:
                self._fail(UpstreamError(502, "the target switched protocols"))
            self.lines = []  # an interim answer (RFC 9110, section 15.2): the final one follows
            self._head_bytes = 0
            return
        self.status = status
        self._frame()
        if self._fault is not None:
            return
        self._has_head = True
        if self._is_head:
            self._end(reusable=self._parser.should_keep_alive())
        else:
            self._wake()

    def _frame(self) -> None:
        """How long the body is (RFC 9112, section 6.3)."""
        names = {name.lower(): value for name, value in self.lines}
        if self.status == HTTPStatus.NO_CONTENT:
            return
        if self._is_head or self.status == HTTPStatus.NOT_MODIFIED:  # no body; a length says what there would be
            length = names.get(b"content-length", b"")
            self._length = int(length) if length.isdigit() else None
            return
        if b"transfer-encoding" in names:
            if names[b"transfer-encoding"].lower() != b"chunked":  # we would take off a part of it, and not say so
                self._fail(UpstreamError(502, "transfer coding not known"))
        elif b"content-length" in names:
            self._length = int(names[b"content-length"])
        else:
            self._until_close = True

    def on_body(self, piece: bytes) -> None:
        if self._has_head and not self._complete:
            self._pieces.append(piece)
            self._waiting += len(piece)
            self._wake()

    def on_message_complete(self) -> None:
        if self._has_head and not self._complete:
            self._end(reusable=self._parser.should_keep_alive() and not self._until_close)


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
