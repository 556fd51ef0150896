"""The response of a target, its body piece by piece (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import httptools

from gecholog import headers
from gecholog.deadline_timer import NEVER, DeadlineTimer
from services.gl.errors import UpstreamError

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.routing import Timeouts

_HIGH_WATER = 256 * 1024  # bytes of an answer that may wait here while the caller is slow
_FIRST_PIECE = 1.0  # seconds that the head of an answer waits for the beginning of the body
_LARGEST_HEAD = 1024 * 1024  # bytes
_BYTES_PER_BYTE = 8  # of a body in chunks: one of a single byte costs six
_FIRST = (b"H", b"\r", b"\n")  # bytes that may come first: llhttp reads status lines of RTSP and Icecast as well
_VERSIONS = frozenset({"1.1", "1.0"})
# as numbers: members of an enumeration are looked up in Python, at each answer
_SWITCHING_PROTOCOLS = HTTPStatus.SWITCHING_PROTOCOLS.value
_CONTINUE = HTTPStatus.CONTINUE.value
_OK = HTTPStatus.OK.value
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_MULTIPLE_CHOICES = HTTPStatus.MULTIPLE_CHOICES.value
_NOT_MODIFIED = HTTPStatus.NOT_MODIFIED.value


class ResponseChannel(Protocol):
    """The upstream connection, as far as a response uses it."""

    loop: asyncio.AbstractEventLoop
    deadline_timer: DeadlineTimer  # calls `StreamedAnswer.expire` through the connection, at `due` or a little later
    due: float  # until when the response waits for more, by the loop's clock

    def pause(self) -> None:
        """Stop reading until `resume`."""

    def resume(self) -> None:
        """Read on."""

    def end_sending(self) -> None:
        """Send no more of the request: it has been refused."""

    def done(self, answer: StreamedAnswer, *, reusable: bool) -> None:
        """The response has ended; `reusable`: the connection can take another request."""

    def close(self) -> None:
        """Close the connection now."""


class StreamedAnswer:
    """The answer to one request, as it arrives."""

    # As all begin; set when it changes.
    status = 0
    started = False  # a byte of it has come
    _head_bytes = 0
    _fed = 0  # bytes that came behind the head
    _body_bytes = 0
    _has_head = False
    _until_close = False
    _length: int | None = None
    _waiting = 0
    _held = False
    _complete = False
    _fault: UpstreamError | None = None
    _waiter: asyncio.Future[None] | None = None
    _late = ""

    def __init__(self, channel: ResponseChannel, timeouts: Timeouts, deadline: float | None, *, is_head: bool) -> None:
        self.headers: Headers = {}
        self._channel = channel
        self._is_head = is_head
        self._timeouts = timeouts
        self._deadline = deadline
        self._parser: Any = httptools.HttpResponseParser(self)
        self._pieces: deque[bytes] = deque()

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
                raise _again(self._fault)
            await self._next(self._timeouts.between_chunks, "no more data in time")
        if len(self._pieces) == 1:
            piece = self._pieces.popleft()
        else:
            piece = b"".join(self._pieces)
            self._pieces.clear()
        self._waiting = 0
        if self._held:
            self._held = False
            self._channel.resume()
        return piece

    def abandon(self) -> None:
        """Nobody wants the rest: the target is told by a closed connection."""
        self._pieces.clear()
        self._parser = None
        if not self._complete:
            self._channel.done(self, reusable=False)
            self._fault = self._fault or UpstreamError(502, "abandoned")

    async def head(self) -> None:
        """Wait for status and headers, and a moment for the beginning of the body. Raises UpstreamError.

        As long as nothing has gone to the caller, a body that breaks off can still be told by a status, or asked of
        another target. A caller that is cancelled meanwhile closes the connection.
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
        """Wait for the first piece of the body, its end, or a break, for a second at most: a model may think longer."""
        waiter = self._next(self._timeouts.between_chunks, "no more data in time")
        timer = self._channel.loop.call_later(_FIRST_PIECE, self._wake)
        try:
            await waiter
        finally:
            timer.cancel()

    def _early(self, fault: UpstreamError) -> UpstreamError:
        if not self._has_head:
            return _again(fault)
        came = f"broke off after status {self.status} and {self._waiting} bytes"
        return UpstreamError(fault.status, f"{came}: {fault.reason}")

    def _next(self, seconds: float | None, late: str) -> asyncio.Future[None]:
        """What to wait for until there is more: no longer than `seconds` and the deadline, then there is a fault."""
        channel, due = self._channel, self._deadline
        if seconds is not None:
            end = channel.loop.time() + seconds
            due = end if due is None or end < due else due
        if due is not None:
            self._late = late
            channel.due = due
            deadline_timer = channel.deadline_timer
            if due < deadline_timer.next:
                deadline_timer.set(due)
        self._waiter = channel.loop.create_future()
        return self._waiter

    def expire(self) -> None:
        """The time for what it waits for is up."""
        self._parser = None
        self._fail(UpstreamError(HTTPStatus.GATEWAY_TIMEOUT, self._late))

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter, self._channel.due = None, NEVER
            if not waiter.done():
                waiter.set_result(None)

    # ------------------------------------------------------------ what comes

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
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
            if self._complete:  # what follows the answer is none
                self._channel.close()
            else:
                self._fail(UpstreamError(502, f"not HTTP: {error}"))
            return
        finally:
            if self._complete or self._fault is not None:
                self._parser = None  # it knows our methods: a cycle that only the collector would find
        if self._complete:
            return
        if (excess := self._excess()) is not None:
            self._fail(UpstreamError(502, excess))
        elif self._waiting > _HIGH_WATER:
            self._held = True
            self._channel.pause()

    def _excess(self) -> str | None:
        """What there is too much of, that is neither body nor handed on: the parser copies it at each piece."""
        if not self._has_head:
            return "head of the answer too large" if self._head_bytes > _LARGEST_HEAD else None
        if self._fed > _LARGEST_HEAD + _BYTES_PER_BYTE * self._body_bytes:
            return "chunk extensions or trailers of the answer too large"
        return None

    def lost(self, reason: str) -> None:
        """The connection is gone. For a body without a length this is its end (RFC 9112, section 6.3)."""
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
        if self._complete:  # a second answer, to nothing that was asked
            self._channel.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # behind the body: trailers, which are dropped
            headers.add(self.headers, name, value)
            if len(self.headers) > headers.MOST_NAMES:
                self._fail(UpstreamError(502, "too many headers in the answer"))

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
            elif status < _CONTINUE:  # no class of statuses (RFC 9110, section 15): nothing would follow
                self._fail(UpstreamError(502, f"not HTTP: status {status}"))
            self.headers = {}  # an interim answer (RFC 9110, section 15.2): the final one follows
            self._head_bytes = 0
            return
        self.status = status
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
        """Find out how long the body is (RFC 9112, section 6.3); returns what is wrong with that, if anything is."""
        came = self.headers
        if self.status == _NO_CONTENT:
            return None
        if self._is_head or self.status == _NOT_MODIFIED:  # no body; a length says what there would be
            length = headers.last(came, "Content-Length")
            self._length = int(length) if length.isascii() and length.isdigit() else None
        elif "Transfer-Encoding" in came:
            # of several codings we would take off one, and not say so
            if any(coding.lower() != "chunked" for coding in came["Transfer-Encoding"]):
                return UpstreamError(502, "transfer coding not known")
        elif "Content-Length" in came:
            self._length = int(headers.last(came, "Content-Length"))
        else:
            self._until_close = True
        return None

    def on_body(self, piece: bytes) -> None:
        if self._has_head and not self._complete:
            self._pieces.append(piece)
            size = len(piece)
            self._waiting += size
            self._body_bytes += size
            self._wake()
        elif self._complete:  # a body where there must be none: the rest of it would be taken for the next answer
            self._channel.close()

    def on_message_complete(self) -> None:
        if self._has_head and not self._complete:
            self._end(reusable=self._parser.should_keep_alive() and not self._until_close)


def _again(fault: UpstreamError) -> UpstreamError:
    """A fault that is kept, to be raised. A new one each time: a traceback holds the frames that hold the answer."""
    return UpstreamError(fault.status, fault.reason)
