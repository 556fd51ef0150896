"""The response of an upstream, its body piece by piece (RFC 9112)."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import httptools

from gecholog import headers
from gecholog.deadline_timer import NEVER, DeadlineTimer
from services.gl.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gecholog.headers import Headers
    from services.gl.http import Take
    from services.gl.routing.routers import Timeouts

_HIGH_WATER = 256 * 1024  # bytes of a body that may wait here while the client is slow
_TOO_MANY = "too many headers in the answer"
_FIRST_PIECE = 1.0  # seconds that a head waits for the beginning of the body
_LARGEST_HEAD = 1024 * 1024  # bytes
_BYTES_PER_BYTE = 8  # of a chunked body: a chunk of a single byte costs six
_FIRST = (b"H", b"\r", b"\n")  # bytes that may come first: llhttp reads status lines of RTSP and Icecast as well
_VERSIONS = frozenset({"1.1", "1.0"})
# as numbers: looking up the members of an enumeration costs Python code for each response
_SWITCHING_PROTOCOLS = HTTPStatus.SWITCHING_PROTOCOLS.value
_CONTINUE = HTTPStatus.CONTINUE.value
_OK = HTTPStatus.OK.value
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_MULTIPLE_CHOICES = HTTPStatus.MULTIPLE_CHOICES.value
_NOT_MODIFIED = HTTPStatus.NOT_MODIFIED.value


class ResponseChannel(Protocol):
    """The upstream connection, as far as a response uses it."""

    loop: asyncio.AbstractEventLoop
    deadline_timer: DeadlineTimer  # calls `StreamedResponse.expire` at `deadline` or a little later
    deadline: float  # until when the response waits for more, by the loop's clock

    def pause(self) -> None:
        """Stop reading until `resume`."""

    def resume(self) -> None:
        """Read on."""

    def end_sending(self) -> None:
        """Send no more of the request: it has been refused."""

    def done(self, response: StreamedResponse, *, reusable: bool) -> None:
        """The response has ended; `reusable`: the connection can take another request."""

    def close(self) -> None:
        """Close the connection now."""


class StreamedResponse:
    """The response to one request, as it arrives."""

    # As all begin; set when it changes.
    status = 0
    started = False  # a byte of it has arrived
    _head_bytes = 0
    _fed = 0  # bytes that arrived after the head
    _body_bytes = 0
    _has_head = False
    _until_close = False
    _length: int | None = None
    _waiting = 0
    _held = False
    _complete = False
    _fault: UpstreamError | None = None
    _waiter: asyncio.Future[Awaitable[None] | None] | None = None
    _take: Take | None = None  # gets the pieces that arrive while `_waiter` waits
    _timeout_reason = ""

    def __init__(self, channel: ResponseChannel, timeouts: Timeouts, deadline: float | None, *, is_head: bool) -> None:
        self.headers: Headers = {}  # once the head is complete
        self._lines: list[tuple[bytes, bytes]] = []  # of the head
        self._channel = channel
        self._is_head = is_head
        self._timeouts = timeouts
        self._total_deadline = deadline
        self._parser: Any = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []  # few; an empty deque takes 700 bytes of every response

    # -------------------------------------------------------------- the body

    @property
    def length(self) -> int | None:
        """The size of the body in bytes, according to the head; None if unknown."""
        return self._length

    async def read(self, take: Take | None = None, /) -> bytes:
        """Return the next piece of the body, b"" at its end. Raises UpstreamError if it breaks off.

        What arrives while it waits goes to `take`, except the end of the body and what arrives with that.
        """
        while (piece := self.ready()) is None:
            self._take = take
            try:
                slow = await self._next(self._timeouts.between_chunks, "no more data in time")
            except asyncio.CancelledError:
                self._take, self._channel.deadline = None, NEVER  # nothing waits for the response any more
                raise
            if slow is not None:
                await slow
        return piece

    def ready(self) -> bytes | None:
        """Return what is here of the body, b"" at its end; None if nothing is. Raises UpstreamError."""
        pieces = self._pieces
        if not pieces:
            if self._complete:
                return b""
            if self._fault is not None:
                raise _again(self._fault)
            return None
        if len(pieces) == 1:
            piece = pieces.pop()
        else:
            piece = b"".join(pieces)
            pieces.clear()
        self._waiting = 0
        if self._held:
            self._held = False
            self._channel.resume()
        return piece

    def unread(self, data: bytes) -> None:
        """Put back what was read: the next `read` returns it again."""
        if data:
            self._pieces.insert(0, data)
            self._waiting += len(data)

    def abandon(self) -> None:
        """Discard the rest, and close the connection if it has not arrived yet."""
        self._pieces.clear()
        self._parser = None
        if not self._complete:
            self._channel.done(self, reusable=False)
            self._fault = self._fault or UpstreamError(502, "abandoned")

    async def head(self) -> None:
        """Wait for status and headers, and up to a second for the beginning of the body. Raises UpstreamError.

        If the body breaks off before anything was sent to the client, the client can still get an error status, or the
        call can go to another upstream. Cancelling this closes the connection.
        """
        try:
            while not (self._has_head or self._fault):
                await self._next(self._timeouts.first_byte, "no answer in time")
            if not (self._pieces or self._complete or self._fault):
                await self._beginning()
        except BaseException:
            self._channel.close()
            raise
        if self._fault is not None:
            raise self._early(self._fault)

    async def _beginning(self) -> None:
        """Wait for the first piece of the body, its end or a failure, but not longer: a model may take its time."""
        waiter = self._next(self._timeouts.between_chunks, "no more data in time")
        timer = self._channel.loop.call_later(_FIRST_PIECE, self._wake)
        try:
            await waiter
        finally:
            timer.cancel()

    def _early(self, fault: UpstreamError) -> UpstreamError:
        if not self._has_head:
            return _again(fault)
        received = f"broke off after status {self.status} and {self._waiting} bytes"
        return UpstreamError(fault.status, f"{received}: {fault.reason}")

    def _next(self, seconds: float | None, timeout_reason: str) -> asyncio.Future[Awaitable[None] | None]:
        """What to wait for until more arrives. After `seconds` or at the deadline, the response fails.

        Its result is what `_take` has returned, if it has been called and the next piece has to wait.
        """
        self._expire_after(seconds, timeout_reason)
        self._waiter = self._channel.loop.create_future()
        return self._waiter

    def _expire_after(self, seconds: float | None, timeout_reason: str) -> None:
        channel, deadline = self._channel, self._total_deadline
        if seconds is not None:
            end = channel.loop.time() + seconds
            deadline = end if deadline is None or end < deadline else deadline
        if deadline is not None:
            self._timeout_reason = timeout_reason
            channel.deadline = deadline
            deadline_timer = channel.deadline_timer
            if deadline < deadline_timer.next:
                deadline_timer.set(deadline)

    def expire(self) -> None:
        """Fail with 504: the timeout has expired."""
        self._parser = None
        self._fail(UpstreamError(HTTPStatus.GATEWAY_TIMEOUT, self._timeout_reason))

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter, self._take, self._channel.deadline = None, None, NEVER
            if not waiter.done():
                waiter.set_result(None)

    def _give(self, take: Take) -> None:
        """Give what has arrived to `take`. The waiter waits on, unless the next piece has to wait, or that failed."""
        waiter = self._waiter
        if waiter is None or waiter.done() or not (piece := self.ready()):
            return
        try:
            slow = take(piece)
        except Exception as error:  # noqa: BLE001 - a border: `read` raises it, in the task of the call
            self._stop_giving()
            waiter.set_exception(error)
            return
        if slow is None:
            self._expire_after(self._timeouts.between_chunks, self._timeout_reason)
        else:
            self._stop_giving()
            waiter.set_result(slow)

    def _stop_giving(self) -> None:
        self._waiter, self._take, self._channel.deadline = None, None, NEVER

    # ------------------------------------------------------------ what arrives

    def feed(self, data: bytes) -> None:
        """Read some more data from the connection."""
        if not self.started:
            self.started = True
            if data[:1] not in _FIRST:
                self._parser = None
                self._fail(UpstreamError(502, "not HTTP"))
                return
        if self._has_head:
            self._fed += len(data)
        else:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self._complete:  # data after the end of the response
                self._channel.close()
            else:
                self._fail(UpstreamError(502, f"not HTTP: {error}"))
            return
        finally:
            if self._complete or self._fault is not None:
                self._parser = None  # it holds our methods: a cycle that only the collector would find
        if not self._complete:
            self._parsed()

    def _parsed(self) -> None:
        """Give away what was parsed, or keep it. Fail or stop reading if there is too much of it."""
        if (excess := self._excess()) is not None:
            self._fail(UpstreamError(502, excess))
            return
        if self._take is not None:
            self._give(self._take)
        if self._waiting > _HIGH_WATER:
            self._held = True
            self._channel.pause()

    def _excess(self) -> str | None:
        """What exceeds its limit, apart from the body: the parser gathers it, and copies it with each piece."""
        if not self._has_head:
            if len(self._lines) > headers.MOST_LINES:
                return _TOO_MANY
            return "head of the answer too large" if self._head_bytes > _LARGEST_HEAD else None
        if self._fed > _LARGEST_HEAD + _BYTES_PER_BYTE * self._body_bytes:
            return "chunk extensions or trailers of the answer too large"
        return None

    def lost(self, reason: str) -> None:
        """The connection is closed. For a body without a length this is its end (RFC 9112, section 6.3)."""
        self._parser = None
        if self._has_head and self._until_close and reason == "connection closed":
            self._end(reusable=False)
        elif not self._complete:
            self._fail(UpstreamError(502, reason))

    def _fail(self, fault: UpstreamError) -> None:
        self._fault = self._fault or fault
        self._channel.done(self, reusable=False)
        self._wake()

    def _end(self, *, reusable: bool) -> None:
        self._complete = True
        self._channel.done(self, reusable=reusable)
        self._wake()

    # ------------------------------------------------------ what the parser says

    def on_message_begin(self) -> None:
        if self._complete:  # a second response, without a request
            self._channel.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # after the body: trailers, which are dropped
            self._lines.append((name, value))

    def on_headers_complete(self) -> None:
        if self._complete or self._fault is not None:
            return
        if self._parser.get_http_version() not in _VERSIONS:
            self._fail(UpstreamError(502, "HTTP version not supported"))
            return
        status = self._parser.get_status_code()
        if status < _OK:
            if status == _SWITCHING_PROTOCOLS:
                self._fail(UpstreamError(502, "the target switched protocols"))
            elif status < _CONTINUE:  # not a status code (RFC 9110, section 15): nothing would follow
                self._fail(UpstreamError(502, f"not HTTP: status {status}"))
            self._lines.clear()  # of an interim response (RFC 9110, section 15.2): the final one follows
            self._head_bytes = 0
            return
        if len(self._lines) > headers.MOST_LINES:
            self._fail(UpstreamError(502, _TOO_MANY))
            return
        self.status, self.headers = status, headers.collect(self._lines)
        if (fault := self._frame()) is not None:
            self._fail(fault)
            return
        self._has_head = True
        if status >= _MULTIPLE_CHOICES:
            self._channel.end_sending()
        if self._is_head:
            self._end(reusable=self._parser.should_keep_alive())
        else:
            self._wake()

    def _frame(self) -> UpstreamError | None:
        """Determine the length of the body (RFC 9112, section 6.3). Returns an error if the head contradicts itself."""
        received = self.headers
        if self.status == _NO_CONTENT:
            return None
        if self._is_head or self.status == _NOT_MODIFIED:  # no body: a length tells what there would be
            length = headers.last(received, "Content-Length")
            self._length = int(length) if length.isascii() and length.isdigit() else None
        elif "Transfer-Encoding" in received:
            # of several codings only the last one would be removed
            if any(coding.lower() != "chunked" for coding in received["Transfer-Encoding"]):
                return UpstreamError(502, "transfer coding not known")
        elif "Content-Length" in received:
            self._length = int(headers.last(received, "Content-Length"))
        else:
            self._until_close = True
        return None

    def on_body(self, piece: bytes) -> None:
        if self._has_head and not self._complete:
            self._pieces.append(piece)
            size = len(piece)
            self._waiting += size
            self._body_bytes += size
            if self._take is None:  # else `feed` gives it to that
                self._wake()
        elif self._complete:  # a body where there must be none: its rest would be taken for the next response
            self._channel.close()

    def on_message_complete(self) -> None:
        if self._has_head and not self._complete:
            self._end(reusable=self._parser.should_keep_alive() and not self._until_close)


def _again(fault: UpstreamError) -> UpstreamError:
    """A copy of a stored error, to be raised: its traceback holds the frames that hold the response."""
    return UpstreamError(fault.status, fault.reason)
