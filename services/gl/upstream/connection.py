"""One HTTP/1.1 connection to a target: one request at a time, the answer's body piece by piece (RFC 9112)."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from gecholog.deadline_timer import NEVER, DeadlineTimer
from services.gl.errors import UpstreamError
from services.gl.upstream.answer import StreamedAnswer
from services.gl.upstream.unsent import drop_unsent, is_readable, unacknowledged

if TYPE_CHECKING:
    import socket

    from services.gl.routing import Timeouts

_PIECE = 256 * 1024  # bytes of a request that are handed to the transport at a time
_TLS_PIECE = 64 * 1024  # the same over TLS, where encrypting takes the time in which an early answer may come
# A request of more bytes than this may still be on its way, or unread at the other end, when its answer is complete.
_SENT_AT_ONCE = 16 * 1024
_READ_AT_ONCE = 64 * 1024  # bytes
# as numbers: members of an enumeration are looked up in Python, at each answer
_BAD_REQUEST = HTTPStatus.BAD_REQUEST.value
_TOO_MANY_REQUESTS = HTTPStatus.TOO_MANY_REQUESTS.value
_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR.value


class Keeper(Protocol):
    """Who keeps connections. Set its `deadline_timer` to when one is `due`, and it is told to `expire` then."""

    deadline_timer: DeadlineTimer

    def keep(self, connection: Connection) -> None:
        """It is open."""

    def release(self, connection: Connection) -> None:
        """It can take the next request."""

    def forget(self, connection: Connection) -> None:
        """It is gone."""


class Connection(asyncio.Protocol):
    """A connection to one target."""

    # As all begin; set when it changes.
    _is_tls = False
    _unsent: memoryview | None = None  # of the request's body
    _write_paused = False
    _read_paused = False
    _sending_ended = False  # the rest of the body is not wanted any more

    def __init__(self, keeper: Keeper, connected: socket.socket | None = None) -> None:
        """`connected` is the socket below the transport, which owns it."""
        self.loop = asyncio.get_running_loop()
        self.deadline_timer = keeper.deadline_timer
        self._keeper = keeper
        self.due = NEVER  # until when somebody waits for what comes next, by the loop's clock
        self._transport: Any = None  # uvloop's transports are no subclasses of asyncio.Transport
        self._answer: StreamedAnswer | None = None
        self.closed = False
        self.lost_idle = False  # it was lost before a byte of the answer came, having served other requests before
        self._uses = 0
        self._size = 0  # bytes of the present request
        self._socket = connected
        self.idle_since = 0.0

    # ------------------------------------------------------------- requests

    def request(
        self, head: bytes, body: bytes, timeouts: Timeouts, deadline: float | None, *, is_head: bool
    ) -> StreamedAnswer:
        """Send a request; what comes back is its answer, of which nothing is there yet. Raises UpstreamError.

        `deadline` is when all of it has to be there, by the loop's clock.
        """
        self._uses += 1
        answer = self._answer = StreamedAnswer(self, timeouts, deadline, is_head=is_head)
        transport = self._transport
        if transport is None or self.closed:
            raise UpstreamError(502, "connection closed before the request")
        self._size = len(head) + len(body)
        if len(body) <= _PIECE:
            transport.write(head + body)
        else:
            self._unsent, self._sending_ended = memoryview(body), False
            self._send_piece(head)
        return answer

    def _send_more(self) -> None:
        """Send the next piece of the body, unless there is something to read.

        A target may answer in the middle of the body, and close. A write after that fails, and what is here and not
        read is lost with the transport. So the event loop reads first.
        """
        if self._unsent is None or self._write_paused or self._sending_ended or self.closed:
            return
        if self._read_paused or self._socket is None or not is_readable(self._socket):
            self._send_piece()
        else:
            self.loop.call_soon(self._send_more)

    def _send_piece(self, head: bytes = b"") -> None:
        rest = self._unsent
        if rest is None or self._transport is None:
            return
        size = _TLS_PIECE if self._is_tls and not head else _PIECE
        self._unsent = rest[size:] if len(rest) > size else None
        self._transport.write(head + rest[:size] if head else rest[:size])
        if self._unsent is not None and not self._write_paused:
            self.loop.call_soon(self._send_more)

    def end_sending(self) -> None:
        """The target has refused the request: send no more of it (RFC 9112, section 9.5)."""
        self._sending_ended = True

    def _is_all_read(self, status: int) -> bool:
        """Tell whether the target has taken the whole request that it answered with `status`.

        If not, the next request would be read as a part of this one, or never. Of what waits inside TLS only the
        kernel's queue tells: it is not empty as long as something waits above it.
        """
        if self._unsent is not None or self._transport.get_write_buffer_size():
            return False
        if self._size <= _SENT_AT_ONCE:
            return True
        # Nobody knows what is unread in the target's own buffers. Servers that refuse a request by its head alone are
        # meant to read the rest or to close (RFC 9112, section 9.3), and some do neither.
        is_refusal = _BAD_REQUEST <= status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS
        return not (is_refusal or (self._socket is not None and unacknowledged(self._socket)))

    def expire(self) -> None:
        """The time for what somebody waits for is up."""
        self.due = NEVER
        if self._answer is not None:
            self._answer.expire()

    def done(self, answer: StreamedAnswer, *, reusable: bool) -> None:
        """The answer has come to its end."""
        if self._answer is not answer:
            return
        self._answer = None
        if reusable and not self.closed and self._transport is not None and self._is_all_read(answer.status):
            self.resume()
            self._keeper.release(self)
        else:
            self.close()

    def close(self) -> None:
        """Close the connection now. What the target has not taken of a request is thrown away."""
        self.closed = True
        self._unsent = None
        if self._transport is not None:
            if self._size > _SENT_AT_ONCE and self._socket is not None and unacknowledged(self._socket):
                drop_unsent(self._socket)
            self._transport.abort()

    def pause(self) -> None:
        """Read no more until `resume`: the target is held back."""
        if self._transport is not None and not self.closed:
            self._read_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._read_paused and self._transport is not None and not self.closed:
            self._read_paused = False
            self._transport.resume_reading()

    # ------------------------------------------------- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._is_tls = transport.get_extra_info("sslcontext") is not None
        if not self.closed:  # as it may be when TLS begins in the middle, behind a proxy
            self._keeper.keep(self)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # nobody asked: what the next request got would not be its answer
        else:
            self._answer.feed(data)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._send_more()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None and self._size > _SENT_AT_ONCE:
            self._read_the_rest()
        self.closed = True
        self._unsent = None
        self._keeper.forget(self)
        if self._answer is not None:
            self.lost_idle = self._uses > 1 and not self._answer.started
            self._answer.lost(type(error).__name__ if error else "connection closed")
        self._transport = self._socket = None

    def _read_the_rest(self) -> None:
        """Read what came before a write failed. Over TLS nobody could read it."""
        plain = self._socket
        if plain is None or self._is_tls:
            return
        with contextlib.suppress(OSError):
            while self._answer is not None and (data := plain.recv(_READ_AT_ONCE)):
                self._answer.feed(data)
