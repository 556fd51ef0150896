"""One client's connection: HTTP/1.1 in, one response after the other out (RFC 9112).

`update_reading` reads only as much as the byte budget allows. Everything else stays in the kernel, whose flow control
slows the client down.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from services.gl.http import Disconnected
from services.gl.server import head_upload, refusals
from services.gl.server.exchange import Exchange
from services.gl.server.exchange_queue import ExchangeQueue
from services.gl.server.hang_up import has_hung_up
from services.gl.server.head_upload import HeadUpload
from services.gl.server.refusals import HeadRefusal
from services.gl.server.request_reader import END, RequestHead, RequestReader
from services.gl.server.uploads import LARGE_READ_BYTES, READ_BYTES

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.errors import ErrorReply, Refusal
    from services.gl.limits import Limits
    from services.gl.server.garbage_collection import GarbageCollection
    from services.gl.server.uploads import Uploads

_LINGER_S = 1.0  # in which a client that still sends can read a refusal
_ROOM_S = 300.0  # that a request may wait for room
_READ_AHEAD = 16 * 1024  # bytes of bodies that are read before the gateway asks for them


class ConnectionOwner(Protocol):
    """The listener, as far as its connections use it."""

    limits: Limits
    uploads: Uploads
    garbage: GarbageCollection
    buffer: memoryview  # all connections read into it
    draining: bool  # connections close after their response
    grace: float  # seconds for requests that may be on their way when draining begins

    @property
    def most_connections(self) -> int:
        """Connections that may be open at once; 0 is no limit."""

    def error_reply(self, refusal: Refusal, path: str, received: Headers, /) -> ErrorReply:
        """Make the response to an unreadable request; `path` and the headers `received` are what has arrived of it."""

    def start(self, exchange: Exchange) -> asyncio.Task[None]:
        """Start the task that answers a request."""

    def closed(self, connection: ClientConnection) -> None:
        """The connection is closed, or failed to open."""


class ClientConnection(asyncio.BufferedProtocol):
    """A connection of one client."""

    def __init__(self, owner: ConnectionOwner, *, is_refused: bool = False) -> None:
        """`is_refused`: there are too many connections, and this one only gets a response that says so."""
        self.peer = ""
        self.lost = False
        self.deadline: float | None = None  # when the listener's sweep calls `timed_out`
        self.uploads = owner.uploads
        self.garbage = owner.garbage
        self.loop = asyncio.get_running_loop()
        self._owner = owner
        self._transport: Any = None
        self._reader = RequestReader()
        self._large_head: HeadUpload | None = None
        self._queue = ExchangeQueue()
        self._refusal: HeadRefusal | None = None
        self._writable: asyncio.Future[None] | None = None
        self._first_bytes = owner.buffer[:READ_BYTES]
        self._unbroken = 0  # bytes that were read in this turn of the event loop
        self._is_others_turn = False
        self._reading = True
        self._closing = False
        self._has_lingered = False
        self._is_refused = is_refused

    @property
    def may_stay(self) -> bool:
        """Whether the connection takes another request after this one."""
        return not (self._owner.draining or self._closing)

    # ------------------------------------------------- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = peer[0].removeprefix("::ffff:") if isinstance(peer, tuple) else ""
        self._wait_at_most(self._owner.limits.request_head_time)
        if self._is_refused:
            self._refuse(refusals.too_many_connections(self._owner.most_connections))

    def get_buffer(self, _: int) -> memoryview:
        """The owner's buffer, or only its beginning as long as the gateway has not asked for the data."""
        arriving = self._queue.arriving
        if arriving is not None:
            body = arriving.request_body
            if body.is_asked and body.lacks > READ_BYTES:
                return self._owner.buffer
        return self._first_bytes

    def buffer_updated(self, size: int) -> None:
        if size < READ_BYTES:
            self._unbroken = 0
        else:
            self._take_turns(size)
        self.data_received(self._owner.buffer[:size])  # copies what it keeps: all connections share the buffer

    def data_received(self, data: bytes | memoryview) -> None:
        """Handle data from the client."""
        if self._closing or self._refusal is not None:
            return
        if self._reader.ahead:
            self._reader.ahead += data
        else:
            self._read(data)
        if self._reader.ahead:
            self._read_ahead()

    def eof_received(self) -> bool:
        return False  # close: a client that stops sending has gone, and its calls are cancelled

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True
        self._owner.closed(self)
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(Disconnected())
        self._queue.cancel()
        self._release_head()
        self._reader.close()
        self._writable = self._transport = None  # they refer to us: cycles that only the collector would find

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()
        self._wait_at_most(self._owner.limits.idle_time)

    def resume_writing(self) -> None:
        self.deadline = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # ---------------------------------------------------------------- requests

    def _read(self, data: bytes | memoryview) -> None:
        limits, reader, queue = self._owner.limits, self._reader, self._queue
        if queue.arriving is not None:
            if queue.arriving is queue.current:
                self._wait_at_most(limits.request_body_time)
        elif queue.current is None and not reader.has_partial_head:
            self._wait_at_most(limits.request_head_time)
        for event in reader.feed(data, limits.request_head):
            if event is END:
                self._request_ends()
            elif isinstance(event, bytes):
                if queue.arriving is not None:
                    queue.arriving.request_body.add(event, limits.request_body)
            elif isinstance(event, RequestHead):
                self._request_begins(event)
            else:
                self._refuse(event)
        self._account()

    def _read_ahead(self) -> None:
        """Read as many of the requests that were sent ahead as may wait."""
        reader = self._reader
        while reader.ahead and not (self._queue.is_full or self._closing or self._refusal is not None):
            self._read(reader.next_piece())
        if self._closing or self._refusal is not None:
            reader.ahead = b""
        self.update_reading()

    def _request_begins(self, head: RequestHead) -> None:
        self._release_head()
        exchange = Exchange(self, head)
        if self._queue.add(exchange):
            self._begin(exchange)

    def _request_ends(self) -> None:
        arriving, self._queue.arriving = self._queue.arriving, None
        if arriving is not None:
            arriving.request_body.end()
            if self._writable is None:
                self.deadline = None

    def _account(self) -> None:
        """Count what has arrived of a body, or of a very large head, against the budget; read on or stop."""
        queue, head_bytes = self._queue, self._reader.head_bytes
        if queue.arriving is not None:
            queue.arriving.request_body.account()
        elif head_bytes > head_upload.COUNTED_FROM and self._refusal is None:
            if self._large_head is None:
                self._large_head = HeadUpload(self)
                self._large_head.ask(self._owner.limits.request_head, head_bytes)
            else:
                self._large_head.received(head_bytes)
        elif self._reading and not queue.waiting:
            return
        self.update_reading()

    def _release_head(self) -> None:
        if self._large_head is not None:
            head, self._large_head = self._large_head, None
            head.release()

    # ------------------------------------------------------------ flow control

    def _take_turns(self, size: int) -> None:
        """A full buffer means that more data waits: let other connections have their turn first.

        libuv would hand over 32 of them (https://github.com/libuv/libuv/blob/v1.x/src/unix/stream.c, uv__read).
        """
        self._unbroken += size
        if self._unbroken >= LARGE_READ_BYTES:
            self._unbroken = 0
            self._is_others_turn = True
            self.loop.call_soon(self._take_own_turn)
            self.update_reading()

    def _take_own_turn(self) -> None:
        self._is_others_turn = False
        self.update_reading()

    def update_reading(self) -> None:
        """Read on, or stop reading."""
        may = not self._is_others_turn and self._may_read()
        if may is not self._reading and not self.lost:
            self._reading = may
            if may:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _may_read(self) -> bool:
        if self._closing or self._refusal is not None:
            return True  # to throw it away
        if self._reader.ahead:
            return False
        arriving = self._queue.arriving
        if arriving is not None and arriving.request_body.is_asked:
            return arriving.request_body.may_read
        if self._large_head is not None:
            return self._large_head.may_read
        return not (self._queue.is_full and arriving is None) and self._queue.unasked_bytes < _READ_AHEAD

    def awaits_body(self) -> None:
        """The gateway waits for the body: start the time-out of its next piece, or of room for it."""
        current = self._queue.current
        has_room = current is None or current.request_body.may_read
        self._wait_at_most(self._owner.limits.request_body_time if has_room else _ROOM_S)
        self.update_reading()

    def refuse_stalled(self) -> None:
        """Refuse the upload: it has stalled while others wait for its room."""
        self.timed_out(is_stalled=True)

    # --------------------------------------------------------------- responses

    def _begin(self, exchange: Exchange) -> None:
        self.deadline = None
        exchange.task = self._owner.start(exchange)

    def send(self, data: bytes) -> None:
        """Write to the client. Raises Disconnected."""
        if self.lost:
            raise Disconnected
        self._transport.write(data)

    @property
    def drained(self) -> asyncio.Future[None] | None:
        """Done when the client has read enough, or failed with Disconnected; None if there is nothing to wait for."""
        return self._writable

    def responded(self, exchange: Exchange) -> None:
        """The response is complete: answer the next request, or end the connection."""
        if exchange is not self._queue.current or self.lost:
            return
        self._queue.current = None
        if not exchange.keep_alive:
            self._end()
        elif self._queue.waiting:
            self._begin(self._queue.next())
            if self._reader.ahead:
                self._read_ahead()
            else:
                self.update_reading()
        elif self._refusal is not None:
            self._refuse(self._refusal)
        elif self._owner.draining and not self._owner.grace:
            self._end()
        elif self._owner.draining:  # the response did not say that it is the last: the next request may be on its way
            self._wait_at_most(self._owner.grace)
        else:
            self._wait_at_most(self._owner.limits.idle_time)

    def break_off(self, exchange: Exchange) -> None:
        """Close at once, so that the client does not take the response for complete, if it is this exchange's turn."""
        if exchange is self._queue.current:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def _refuse(self, refusal: HeadRefusal) -> None:
        """Answer a request that cannot be read, after the responses before it; then end the connection.

        If the gateway is at work on it already, the gateway answers it, because the call is recorded.
        """
        self._refusal = refusal
        self._release_head()
        self._queue.drop_arriving(refusal)
        self.update_reading()
        if self._queue.current is not None:
            return  # its turn comes in `responded`
        reply = self._owner.error_reply(refusal, self._reader.path, self._reader.headers)
        self._transport.write(refusals.response(reply))
        self._end()

    def _end(self) -> None:
        """End the stream, and give the client time to read: closing at once could cost the last bytes."""
        self._closing = True
        self._release_head()
        self._wait_at_most(_LINGER_S)
        self.update_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    # ------------------------------------------------------------------- time

    def _wait_at_most(self, seconds: float | None) -> None:
        self.deadline = self.loop.time() + seconds if seconds else None

    def timed_out(self, *, is_stalled: bool = False) -> None:
        """The deadline has passed, or the upload `is_stalled` while others wait for its room."""
        if self.lost:
            return
        self.deadline = None
        limits, current = self._owner.limits, self._queue.current
        if self._closing and not self._has_lingered and self._transport.get_write_buffer_size():
            self._has_lingered = True  # the client reads slowly: it has the time of those before the end of a response
            self._wait_at_most(limits.idle_time)
        elif self._closing or self._writable is not None:
            self._transport.abort()
        elif current is not None and current.request_body.waits_for_room:
            self._refuse_for_room(current)
        elif self._queue.arriving is not None:
            self._refuse(refusals.timed_out("body", None if is_stalled else limits.request_body_time))
        elif self._large_head is not None and not self._large_head.may_read:
            self._refuse(refusals.no_room("head"))
        elif self._reader.has_partial_head:
            self._refuse(refusals.timed_out("head", None if is_stalled else limits.request_head_time))
        else:
            self._transport.close()

    def notice_hang_up(self) -> None:
        """Close the connection if the client has: while nothing is read, its end waits behind unread data."""
        if self._reading or self._is_others_turn or self._closing or self._transport is None:
            return
        socket = self._transport.get_extra_info("socket")
        if socket is not None and has_hung_up(socket.fileno()):
            self.abort()

    def _refuse_for_room(self, exchange: Exchange) -> None:
        refusal = refusals.no_room("body")
        if exchange is self._queue.arriving:
            self._refuse(refusal)
        else:
            exchange.request_body.refuse(refusal)

    def drain(self, grace: float) -> None:
        """The listener goes away: an idle connection is closed in `grace` seconds, others after their response."""
        is_idle = self._queue.current is None and not self._reader.has_partial_head
        if not is_idle or self._closing or self._transport is None:
            return
        if grace:
            self._wait_at_most(grace)
        else:
            self._transport.close()
