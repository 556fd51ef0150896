"""One client's connection: HTTP/1.1 in, one response after the other out (RFC 9112).

It is read only as far as what comes may be held: `steer` decides that. What is not read waits in the kernel, and holds
the client back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import httptools

from gecholog import headers
from services.gl.http import Disconnected
from services.gl.server import refusals, request_head
from services.gl.server.exchange import Exchange
from services.gl.server.refusals import HeadRefusal
from services.gl.server.uploads import LARGE_READ_BYTES, READ_BYTES

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.config import Limits
    from services.gl.errors import ErrorReply, Refusal
    from services.gl.server.garbage import Garbage
    from services.gl.server.uploads import Uploads

_LINGER = 1.0  # seconds in which a caller can still read a refusal while it sends
_ROOM_S = 300.0  # seconds that a request may wait for room
_QUEUED = 8  # requests that a caller may send ahead
_SEARCHED_WHOLE = 2 * 1024  # bytes of data that are searched for other protocols, whether they are of a head or not
_USUAL_HEAD = 4 * 1024  # bytes; in more of them no end is looked for
_HEAD_END = b"\r\n\r\n"
_FEW = 1024  # bytes in which there is no room for many requests
_LEAST_PIECE = 256  # bytes of many requests that are read at a time
_READ_AHEAD = 16 * 1024  # bytes of bodies that nobody has asked for yet, at which a connection is read no further
_LARGE_HEAD = READ_BYTES  # bytes of a head from which on it is an upload, as a body is
_OFFER = frozenset({"Connection", "Upgrade", "Http2-Settings"})


class ConnectionOwner(Protocol):
    """The listener, as far as its connections use it."""

    limits: Limits
    uploads: Uploads
    garbage: Garbage
    buffer: memoryview  # what arrives is read into it, on all connections
    draining: bool  # no connection stays after its response
    grace: float  # seconds for requests that may be on their way when it drains

    @property
    def most_connections(self) -> int:
        """Connections that may be open at once; 0 is no limit."""

    def told(self, refusal: Refusal, path: str, came: Headers, /) -> ErrorReply:
        """Make the response to a request that cannot be read, of whose head `path` and `came` are known."""

    def work(self, exchange: Exchange) -> asyncio.Task[None]:
        """Start the task that answers a request."""

    def leave(self, connection: Connection) -> None:
        """The connection is closed, or was never opened."""


class Connection(asyncio.BufferedProtocol):
    """A connection of one caller."""

    def __init__(self, listener: ConnectionOwner, *, is_refused: bool = False) -> None:
        """`is_refused`: there are too many already, and the client is to be told."""
        self.peer = ""
        self.lost = False
        self.deadline: float | None = None  # when the listener's sweep closes the connection
        self.uploads = listener.uploads
        self.garbage = listener.garbage
        self.loop = asyncio.get_running_loop()
        self._listener = listener
        self._transport: Any = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._url = b""
        self._url_piece = b""
        self._behind_url: bytes | None = None
        self._headers: Headers = {}
        self._head_bytes = 0
        self._head_asked = self._head_granted = False
        self._body_bytes = 0
        self._in_head = False
        self._arriving: Exchange | None = None
        self._current: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._refusal: HeadRefusal | None = None
        self._without_offer = b""
        self._ahead = b""  # requests for which there is no place yet
        self._writable: asyncio.Future[None] | None = None
        self._first_bytes = listener.buffer[:READ_BYTES]
        self._unbroken = 0  # bytes that came in this turn of the event loop
        self._is_others_turn = False
        self._reading = True
        self._closing = False
        self._is_refused = is_refused

    @property
    def may_stay(self) -> bool:
        """Whether the connection takes another request after this one."""
        return not (self._listener.draining or self._closing)

    # ------------------------------------------------- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = peer[0].removeprefix("::ffff:") if isinstance(peer, tuple) else ""
        self._wait_at_most(self._listener.limits.request_head_time)
        if self._is_refused:
            self._refuse(refusals.too_many_connections(self._listener.most_connections))

    def get_buffer(self, _: int) -> memoryview:
        """The listener's buffer; only the beginning of it as long as nobody has asked for what comes."""
        arriving = self._arriving
        if arriving is None or not arriving.is_asked or arriving.lacks <= READ_BYTES:
            return self._first_bytes
        return self._listener.buffer

    def buffer_updated(self, size: int) -> None:
        if size < READ_BYTES:
            self._unbroken = 0
        else:
            self._take_turns(size)
        self.data_received(self._listener.buffer[:size])  # nothing of it is kept: all connections have the same buffer

    def data_received(self, data: bytes | memoryview) -> None:
        """Bytes have come."""
        if self._closing or self._refusal is not None:
            return
        if self._ahead:
            self._ahead += data
        else:
            self._receive(data)
        if self._ahead:
            self._read_ahead()

    def _read_ahead(self) -> None:
        """Read of many requests as many as may wait. Their bytes take far less memory than they themselves."""
        while self._ahead and len(self._waiting) < _QUEUED and not self._closing and self._refusal is None:
            piece, self._ahead = _cut(self._ahead)
            self._receive(piece)
        if self._closing or self._refusal is not None:
            self._ahead = b""
        self.steer()

    def _receive(self, data: bytes | memoryview) -> None:
        if self._current is None and not self._in_head and not self._head_bytes:
            self._wait_at_most(self._listener.limits.request_head_time)
        arriving = self._arriving
        if arriving is None:
            self._head_bytes += len(data)
        elif arriving is self._current:
            self._wait_at_most(self._listener.limits.request_body_time)
        self._read(data, arriving)
        if self._arriving is not None or self._waiting or self._head_bytes > _LARGE_HEAD or not self._reading:
            self._account()
            self.steer()

    def _read(self, data: bytes | memoryview, arriving: Exchange | None) -> None:
        """Feed the parser; refuse what is wrong with the request."""
        try:
            self._feed(data)
            if arriving is not None and self._arriving is arriving:  # all of the data was of its body
                self._limit_overhead(arriving, len(data))
        except HeadRefusal as refusal:
            self._refuse(refusal)
        except httptools.HttpParserInvalidMethodError:
            self._refuse(HeadRefusal(501, "method not known"))
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, HeadRefusal) else HeadRefusal(400, "malformed request"))
        except httptools.HttpParserError:
            self._refuse(HeadRefusal(400, "malformed request"))

    def _limit_overhead(self, exchange: Exchange, size: int) -> None:
        """Chunk extensions and trailers are thrown away, but the parser gathers them: they must have an end."""
        self._body_bytes += size
        # a chunk of a single byte costs six
        if self._body_bytes > self._listener.limits.request_head + 8 * exchange.received:
            raise refusals.framing_too_large(self._listener.limits.request_head)

    def _feed(self, data: bytes | memoryview) -> None:
        """Feed the parser. Where there may be a head, other protocols are looked for; bodies are left alone."""
        if self._arriving is None and len(data) > _SEARCHED_WHOLE:
            start = bytes(data[:_USUAL_HEAD])
            end = start.find(_HEAD_END) + len(_HEAD_END)
            if end >= len(_HEAD_END):
                self._feed_head(start[:end])
                data = data[end:]
        if self._arriving is not None and self._arriving.lacks >= len(data):
            self._parser.feed_data(data)
            return
        rest = bytes(data)
        if not self._ahead and len(rest) > _FEW and rest.count(_HEAD_END) > _QUEUED:
            rest, self._ahead = _cut(rest)
        self._feed_head(rest)

    def _feed_head(self, data: bytes) -> None:
        """Feed data in which a request may begin."""
        if self._behind_url is not None:
            self._behind_url = request_head.goes_on(self._behind_url, data)
        if request_head.RTSP in data:
            self._feed_carefully(data)
        else:
            self._feed_some(data)
        if self._in_head and self._url_piece:
            self._behind_url = request_head.behind(data, self._url_piece)
            self._url_piece = b""
        limit = self._listener.limits.request_head
        if self._arriving is None and self._head_bytes > limit:
            raise refusals.head_too_large(limit)

    def _feed_carefully(self, data: bytes) -> None:
        """Feed data in which RTSP's name stands, of which llhttp does not tell."""
        for piece, is_before_rtsp in request_head.cut(data):
            size = len(self._url)
            self._feed_some(piece)
            if is_before_rtsp and self._in_head and len(self._url) > size:
                raise HeadRefusal(505, request_head.NOT_HTTP)

    def _feed_some(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                # An offer to speak HTTP/2 is passed over (RFC 9110, section 7.8). llhttp takes the message for ended at
                # its head, so the request is read again without the offer, and its body with it.
                data = self._without_offer + data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)

    def eof_received(self) -> bool:
        return False  # a caller who stops sending is gone: the work for it stops

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True
        self._listener.leave(self)
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(Disconnected())
        for exchange in (self._current, *self._waiting):
            if exchange is not None:
                exchange.gone()
        self._waiting.clear()
        self._ahead = b""
        self._release_head()
        # All of them know us: cycles that only the collector would find.
        self._arriving = self._current = self._parser = self._writable = self._transport = None

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()
        self._wait_at_most(self._listener.limits.idle_time)

    def resume_writing(self) -> None:
        self.deadline = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # ---------------------------------------------------- what the parser says

    def on_message_begin(self) -> None:
        self._in_head = True
        self._url = self._url_piece = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._url_piece = url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # behind the body: trailers, which are dropped
            headers.add(self._headers, name, value)
            if len(self._headers) > headers.MOST_NAMES:
                raise refusals.too_many_headers()

    def on_headers_complete(self) -> None:
        self._in_head = False
        limit = self._listener.limits.request_head
        if self._head_bytes > limit and self._head_size() > limit:  # what came may hold a part of the body as well
            raise refusals.head_too_large(limit)
        self._head_bytes = 0
        self._release_head()
        exchange = self._exchange()
        if self._parser.should_upgrade():
            self._without_offer = self._head_without_offer(exchange.keep_alive)
            return
        self._arriving, self._body_bytes = exchange, 0
        if self._current is None:
            self._begin(exchange)
            return
        self._waiting.append(exchange)

    def _head_without_offer(self, keep_alive: bool) -> bytes:  # noqa: FBT001 - one fact about the request
        """The head of the present request as it would be had its sender not offered HTTP/2."""
        first = b"%s %s HTTP/%s" % (
            self._parser.get_method(),
            self._url,
            self._parser.get_http_version().encode("ascii"),
        )
        kept = headers.lines(headers.without(self._headers, _OFFER))
        last = b"" if keep_alive else b"Connection: close\r\n"
        return first + b"\r\n" + kept + last + b"\r\n"

    def _head_size(self) -> int:
        return len(self._url) + len(headers.lines(self._headers))

    def _exchange(self) -> Exchange:
        version = self._parser.get_http_version()
        method = self._parser.get_method().decode("ascii")
        came = self._headers
        request_head.check(method, version, came)
        exchange = Exchange(self, method, request_head.target(self._url, method), version, came)
        exchange.keep_alive = self._parser.should_keep_alive()
        exchange.announced = int(headers.last(came, "Content-Length") or 0)
        exchange.is_chunked = "Transfer-Encoding" in came
        exchange.expects_continue = version == "1.1" and "Expect" in came
        return exchange

    def on_body(self, piece: bytes) -> None:
        if self._arriving is not None:
            self._arriving.add(piece, self._listener.limits.request_body)

    def on_message_complete(self) -> None:
        if self._arriving is not None:
            self._arriving.end()
            self._arriving = None
            if self._writable is None:
                self.deadline = None

    # --------------------------------------------------- how much of it is read

    def _take_turns(self, size: int) -> None:
        """Full buffers say that more is waiting: it waits until others have had their turn.

        libuv would hand over 32 of them (https://github.com/libuv/libuv/blob/v1.x/src/unix/stream.c, uv__read).
        """
        self._unbroken += size
        if self._unbroken >= LARGE_READ_BYTES:
            self._unbroken = 0
            self._is_others_turn = True
            self.loop.call_soon(self._take_own_turn)
            self.steer()

    def _take_own_turn(self) -> None:
        self._is_others_turn = False
        self.steer()

    def steer(self) -> None:
        """Read on, or leave what comes to the kernel."""
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
        if self._ahead:
            return False
        exchange = self._arriving
        if exchange is not None and exchange.is_asked:
            return exchange.may_read
        if self._head_asked:
            return self._head_granted
        if exchange is not None and exchange is self._current:
            return exchange.received < _READ_AHEAD
        is_crowded = exchange is None and len(self._waiting) >= _QUEUED
        return not is_crowded and sum([queued.received for queued in self._waiting]) < _READ_AHEAD

    def awaits_body(self) -> None:
        """The gateway wants the body: the rest of it, or room for it, has to come in time from now on."""
        exchange = self._current
        has_room = exchange is None or exchange.may_read
        self._wait_at_most(self._listener.limits.request_body_time if has_room else _ROOM_S)
        self.steer()

    def _account(self) -> None:
        """Count what has come of an upload: of a body, or of a head that is very large."""
        if self._arriving is not None:
            self._arriving.progress()
        elif self._head_bytes > _LARGE_HEAD and self._refusal is None:
            if self._head_asked:
                self.uploads.received(self, self._head_bytes)
            else:
                self._head_asked = True
                self.uploads.ask(self, max(self._listener.limits.request_head, self._head_bytes), self._head_bytes)

    def go_on(self) -> None:
        """There is room for a head that is very large."""
        self._head_granted = True
        self.steer()

    def send_away(self) -> None:
        """What the client sends does not come, and others wait for the room."""
        self.late(is_stalled=True)

    def _release_head(self) -> None:
        if self._head_asked:
            self._head_asked = self._head_granted = False
            self.uploads.release(self)

    # ---------------------------------------------------------------- replies

    def _begin(self, exchange: Exchange) -> None:
        self._current = exchange
        self.deadline = None
        exchange.task = self._listener.work(exchange)

    def send(self, data: bytes) -> None:
        """Write to the caller. Raises Disconnected."""
        if self.lost:
            raise Disconnected
        self._transport.write(data)

    @property
    def room(self) -> asyncio.Future[None] | None:
        """What to wait for while the caller is slow, which raises Disconnected; None if it is not."""
        return self._writable

    def replied(self, exchange: Exchange) -> None:
        """A reply is complete: the next request's turn, or the end of the connection."""
        if exchange is not self._current or self.lost:
            return
        self._current = None
        if not exchange.keep_alive:
            self._end()
        elif self._waiting:
            self._begin(self._waiting.popleft())
            if self._ahead:
                self._read_ahead()
            else:
                self.steer()
        elif self._refusal is not None:
            self._refuse(self._refusal)
        elif self._listener.draining and not self._listener.grace:
            self._end()
        elif self._listener.draining:  # this reply did not say that it is the last: the next request may be on its way
            self._wait_at_most(self._listener.grace)
        else:
            self._wait_at_most(self._listener.limits.idle_time)

    def break_off(self, exchange: Exchange) -> None:
        """Close at once: the caller must not take the reply for complete. Only for the exchange whose turn it is."""
        if exchange is self._current:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def _refuse(self, refusal: HeadRefusal) -> None:
        """Answer a request that cannot be read, after the replies before it; then the connection ends.

        One whose work has begun is answered by that, for it is recorded too.
        """
        self._refusal = refusal.with_traceback(None)  # whose frames know us
        self._release_head()
        self._drop_arriving(refusal)
        self.steer()
        if self._current is not None:
            return  # its turn comes in `replied`
        path = self._url.decode("latin-1").partition("?")[0]  # what has come of it
        told = self._listener.told(refusal, path, self._headers)
        self._transport.write(refusals.response(told))
        self._end()

    def _drop_arriving(self, refusal: HeadRefusal) -> None:
        """The request whose body cannot be read is not answered but by the refusal."""
        exchange, self._arriving = self._arriving, None
        if exchange is None:
            return
        if exchange is self._current:
            exchange.refuse(refusal)
        elif exchange in self._waiting:
            self._waiting.remove(exchange)

    def _end(self) -> None:
        """Say that nothing more comes, and give the caller time to read: closing at once could cost the last bytes."""
        self._closing = True
        self._release_head()
        self._wait_at_most(_LINGER)
        self.steer()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    # ------------------------------------------------------------------- time

    def _wait_at_most(self, seconds: float | None) -> None:
        self.deadline = self.loop.time() + seconds if seconds else None

    def late(self, *, is_stalled: bool = False) -> None:
        """The time is up (called by the listener's sweep), or it `is_stalled` while others wait for its room."""
        if self.lost:
            return
        self.deadline = None
        limits = self._listener.limits
        if self._closing or self._writable is not None:
            self._transport.abort()
        elif self._current is not None and self._current.waits:
            self._refuse_for_room(self._current)
        elif self._arriving is not None:
            self._refuse(refusals.late("body", None if is_stalled else limits.request_body_time))
        elif self._head_asked and not self._head_granted:
            self._refuse(refusals.no_room("head"))
        elif self._in_head or self._head_bytes:
            self._refuse(refusals.late("head", None if is_stalled else limits.request_head_time))
        else:
            self._transport.close()

    def _refuse_for_room(self, exchange: Exchange) -> None:
        refusal = refusals.no_room("body")
        if exchange is self._arriving:
            self._refuse(refusal)
        else:
            exchange.refuse(refusal)

    def drain(self, grace: float) -> None:
        """The listener goes away: an idle connection is closed in `grace` seconds, others after their reply."""
        is_idle = self._current is None and not self._in_head and not self._head_bytes
        if not is_idle or self._closing or self._transport is None:
            return
        if grace:
            self._wait_at_most(grace)
        else:
            self._transport.close()


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """A few requests of many, up to the end of a head, and the rest."""
    end = data.find(_HEAD_END, _LEAST_PIECE)
    end = len(data) if end < 0 else end + len(_HEAD_END)
    return data[:end], data[end:]
