"""One HTTP/1.1 connection to an upstream: one request at a time, the response body piece by piece (RFC 9112)."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from gecholog.deadline_timer import NEVER, DeadlineTimer
from services.gl.errors import UpstreamError
from services.gl.upstream.response import StreamedResponse
from services.gl.upstream.unsent import drop_unsent, is_readable, unacknowledged

if TYPE_CHECKING:
    import socket

    from services.gl.routing.routers import Timeouts

_PIECE = 256 * 1024  # bytes of a request that are handed to the transport at a time
_TLS_PIECE = 64 * 1024  # the same over TLS: while a piece is encrypted, an early response may arrive
# A larger request may still be in transit, or unread by the upstream, when its response is complete.
_SENT_AT_ONCE = 16 * 1024
_READ_AT_ONCE = 64 * 1024  # bytes
# as numbers: looking up the members of an enumeration costs Python code for each response
_BAD_REQUEST = HTTPStatus.BAD_REQUEST.value
_TOO_MANY_REQUESTS = HTTPStatus.TOO_MANY_REQUESTS.value
_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR.value


class PoolSlot(Protocol):
    """The place of a connection in its pool, which calls `expire` on connections whose deadline has passed."""

    deadline_timer: DeadlineTimer  # to be set when a connection has a new deadline

    def opened(self, connection: UpstreamConnection) -> None:
        """The connection is open."""

    def idle(self, connection: UpstreamConnection) -> None:
        """The connection can take the next request."""

    def closed(self, connection: UpstreamConnection) -> None:
        """The connection is closed."""


class UpstreamConnection(asyncio.Protocol):
    """A connection to one upstream."""

    # As all begin; set when it changes.
    _is_tls = False
    _unsent: memoryview | None = None  # of the request's body
    _write_paused = False
    _read_paused = False
    _sending_ended = False  # the upstream does not want the rest of the body

    def __init__(self, slot: PoolSlot, connected: socket.socket | None = None) -> None:
        """`connected` is the socket below the transport, which owns it."""
        self.loop = asyncio.get_running_loop()
        self.deadline_timer = slot.deadline_timer
        self._slot = slot
        self.deadline = NEVER  # of what the response waits for, by the loop's clock
        self._transport: Any = None  # uvloop's transports are no subclasses of asyncio.Transport
        self._response: StreamedResponse | None = None
        self.closed = False
        self.lost_idle = False  # it closed before a byte of the response came, having served other requests before
        self._uses = 0
        self._size = 0  # bytes of the present request
        self._socket = connected
        self.idle_since = 0.0

    # ------------------------------------------------------------- requests

    def request(
        self, head: bytes, body: bytes, timeouts: Timeouts, deadline: float | None, *, is_head: bool
    ) -> StreamedResponse:
        """Send a request and return its response, of which nothing has arrived yet. Raises UpstreamError.

        `deadline` is when the whole response has to be here, by the loop's clock.
        """
        self._uses += 1
        response = self._response = StreamedResponse(self, timeouts, deadline, is_head=is_head)
        transport = self._transport
        if transport is None or self.closed:
            raise UpstreamError(502, "connection closed before the request")
        self._size = len(head) + len(body)
        if len(body) <= _PIECE:
            transport.write(head + body)
        else:
            self._unsent, self._sending_ended = memoryview(body), False
            self._send_piece(head)
        return response

    def _send_more(self) -> None:
        """Send the next piece of the body, unless there is something to read.

        An upstream may respond in the middle of the body and close. A write after that fails, and the transport drops
        the response that has not been read. So the event loop reads first.
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
        """Send no more of the request: the upstream has refused it (RFC 9112, section 9.5)."""
        self._sending_ended = True

    def _is_all_read(self, status: int) -> bool:
        """Tell whether the upstream has read the whole request that it answered with `status`.

        If not, the next request would be read as a part of this one, or never. Data that waits inside TLS shows only
        in the kernel's queue, which is not empty as long as something waits above it.
        """
        if self._unsent is not None or self._transport.get_write_buffer_size():
            return False
        if self._size <= _SENT_AT_ONCE:
            return True
        # The upstream's own buffers may hold unread data. Servers that refuse a request by its head alone should read
        # the rest or close (RFC 9112, section 9.3), and some do neither.
        is_refusal = _BAD_REQUEST <= status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS
        return not (is_refusal or (self._socket is not None and unacknowledged(self._socket)))

    def expire(self) -> None:
        """The deadline has passed: fail what the response waits for."""
        self.deadline = NEVER
        if self._response is not None:
            self._response.expire()

    def done(self, response: StreamedResponse, *, reusable: bool) -> None:
        """The response has ended."""
        if self._response is not response:
            return
        self._response = None
        if reusable and not self.closed and self._transport is not None and self._is_all_read(response.status):
            self.resume()
            self._slot.idle(self)
        else:
            self.close()

    def close(self) -> None:
        """Close the connection now, and drop what the upstream has not received of a request."""
        self.closed = True
        self._unsent = None
        if self._transport is not None:
            if self._size > _SENT_AT_ONCE and self._socket is not None and unacknowledged(self._socket):
                drop_unsent(self._socket)
            self._transport.abort()

    def pause(self) -> None:
        """Stop reading until `resume`, which holds the upstream back."""
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
        if not self.closed:  # it may be closed already if TLS begins behind a proxy
            self._slot.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._response is None:
            self.close()  # no request is under way: the next one would get the wrong response
        else:
            self._response.feed(data)

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
        self._slot.closed(self)
        if self._response is not None:
            self.lost_idle = self._uses > 1 and not self._response.started
            self._response.lost(type(error).__name__ if error else "connection closed")
        self._transport = self._socket = None

    def _read_the_rest(self) -> None:
        """Read what arrived before a write failed. Over TLS it cannot be decrypted any more."""
        plain = self._socket
        if plain is None or self._is_tls:
            return
        with contextlib.suppress(OSError):
            while self._response is not None and (data := plain.recv(_READ_AT_ONCE)):
                self._response.feed(data)
