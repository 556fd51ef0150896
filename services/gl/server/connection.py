"""One caller's connection: HTTP/1.1 in, one reply after the other out (RFC 9112).

llhttp, in its strict mode, refuses what is ambiguous: a bare LF, folded headers, a Content-Length twice or beside a
Transfer-Encoding, bad chunk sizes, control characters. What it lets pass is refused here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import httptools

from gecholog import headers, rawjson
from services.gl.call import Disconnected, Refusal
from services.gl.server.exchange import Exchange

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.server.listener import Listener

_LINGER = 1.0  # seconds in which a caller can still read a refusal while it sends
_QUEUED = 8  # requests that a caller may send ahead
# Bytes in one piece by which a fast sender is known. libuv hands over up to 32 of them (8 MB) before anybody else has
# a turn: https://github.com/libuv/libuv/blob/v1.x/src/unix/stream.c, uv__read.
_LARGE_PIECE = 128 * 1024


class HeadRefusal(Exception):
    """A request that is refused before anybody looks at its path."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Connection(asyncio.Protocol):
    """A connection of one caller."""

    def __init__(self, listener: Listener) -> None:
        self.peer = ""
        self.lost = False
        self.deadline: float | None = None  # when the listener's sweep closes the connection
        self._listener = listener
        self.loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: Headers = {}
        self._head_bytes = 0
        self._body_bytes = 0
        self._in_head = False
        self._arriving: Exchange | None = None
        self._current: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._refusal: HeadRefusal | None = None
        self._without_offer = b""
        self._writable: asyncio.Future[None] | None = None
        self._closing = False

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
        if not self._listener.admit(self):
            self._refuse(HeadRefusal(503, "too many connections"))

    def data_received(self, data: bytes) -> None:
        if self._closing or self._refusal is not None:
            return
        if self._current is None and not self._in_head and not self._head_bytes:
            self._wait_at_most(self._listener.limits.request_head_time)
        if self._arriving is None:
            self._head_bytes += len(data)
        else:
            self._wait_at_most(self._listener.limits.request_body_time)
        arriving = self._arriving
        if len(data) >= _LARGE_PIECE:
            self._transport.pause_reading()
            self.loop.call_soon(self._read_on)
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

    def _read_on(self) -> None:
        """Others have had their turn."""
        if not (self._closing or self.lost or len(self._waiting) >= _QUEUED):
            self._transport.resume_reading()

    def _limit_overhead(self, exchange: Exchange, size: int) -> None:
        """Chunk extensions and trailers are thrown away, but the parser gathers them: they must have an end."""
        self._body_bytes += size
        # a chunk of a single byte costs six
        if self._body_bytes > self._listener.limits.request_head + 8 * exchange.received:
            raise HeadRefusal(431, "chunk extensions or trailers too large")

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                # An offer to speak HTTP/2 is passed over (RFC 9110, section 7.8). llhttp takes the message for ended at
                # its head, so the request is read again without the offer, and its body with it.
                data = self._without_offer + data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
        if self._arriving is None and self._head_bytes > self._listener.limits.request_head:
            raise HeadRefusal(431, "request head too large")

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
        self._url = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # behind the body: trailers, which are dropped
            headers.add(self._headers, name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        limit = self._listener.limits.request_head
        if self._head_bytes > limit and self._head_size() > limit:  # what came may hold a part of the body as well
            raise HeadRefusal(431, "request head too large")
        self._head_bytes = 0
        exchange = self._exchange()
        if self._parser.should_upgrade():
            self._without_offer = self._head_without_offer(exchange.keep_alive)
            return
        self._arriving, self._body_bytes = exchange, 0
        if self._current is None:
            self._begin(exchange)
            return
        self._waiting.append(exchange)
        if len(self._waiting) >= _QUEUED:
            self._transport.pause_reading()

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
        if version not in ("1.1", "1.0"):
            raise HeadRefusal(505, "HTTP version not supported")
        method = self._parser.get_method().decode("ascii")
        came = self._headers
        _check_framing(came, version)
        exchange = Exchange(self, method, _request_target(self._url, method), version, came)
        exchange.keep_alive = self._parser.should_keep_alive()
        exchange.announced = int(headers.last(came, "Content-Length") or 0)
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

    # ---------------------------------------------------------------- replies

    def _begin(self, exchange: Exchange) -> None:
        self._current = exchange
        self.deadline = None
        exchange.task = self._listener.work(exchange)

    def awaits_body(self) -> None:
        """The rest of the body has to come in time from now on."""
        self._wait_at_most(self._listener.limits.request_body_time)

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
            self._transport.resume_reading()
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
        self._refusal = refusal
        self._drop_arriving(refusal)
        if self._current is not None:
            return  # its turn comes in `replied`
        body = rawjson.dumps({"error": refusal.text})
        head = (
            f"HTTP/1.1 {refusal.status} \r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode("ascii") + body)
        self._end()

    def _drop_arriving(self, refusal: HeadRefusal) -> None:
        """The request whose body cannot be read is not answered but by the refusal."""
        exchange, self._arriving = self._arriving, None
        if exchange is None:
            return
        if exchange is self._current:
            exchange.refuse(Refusal(refusal.status, refusal.text))
        elif exchange in self._waiting:
            self._waiting.remove(exchange)

    def _end(self) -> None:
        """Say that nothing more comes, and give the caller time to read: closing at once could cost the last bytes."""
        self._closing = True
        self._wait_at_most(_LINGER)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    # ------------------------------------------------------------------- time

    def _wait_at_most(self, seconds: float | None) -> None:
        self.deadline = self.loop.time() + seconds if seconds else None

    def late(self) -> None:
        """The time is up (called by the listener's sweep)."""
        self.deadline = None
        if self._closing or self._writable is not None:
            self._transport.abort()
        elif self._arriving is not None:
            self._refuse(HeadRefusal(408, "request body took too long"))
        elif self._in_head or self._head_bytes:
            self._refuse(HeadRefusal(408, "request head took too long"))
        else:
            self._transport.close()

    def drain(self, grace: float) -> None:
        """The listener goes away: an idle connection is closed in `grace` seconds, others after their reply."""
        is_idle = self._current is None and not self._in_head and not self._head_bytes
        if not is_idle or self._closing or self._transport is None:
            return
        if grace:
            self._wait_at_most(grace)
        else:
            self._transport.close()


_OFFER = frozenset({"Connection", "Upgrade", "Http2-Settings"})
_ONCE = ("Host", "Content-Length", "Transfer-Encoding")
# What a request has that says more of itself than host and length.
_SPECIAL = frozenset({"Transfer-Encoding", "Upgrade", "Expect"})


def _check_framing(came: Headers, version: str) -> None:
    """What llhttp lets pass and we do not."""
    for name in _ONCE:
        if name in came and len(came[name]) > 1:
            raise HeadRefusal(400, f"header {name.lower()} more than once")
    if "Host" not in came and version == "1.1":
        raise HeadRefusal(400, "header host missing")  # RFC 9112, section 3.2
    if not _SPECIAL.isdisjoint(came):
        _check_special(came, version)


def _check_special(came: Headers, version: str) -> None:
    coding = came.get("Transfer-Encoding")
    if coding is not None and (coding[-1].lower() != "chunked" or version == "1.0"):
        raise HeadRefusal(501, "transfer encoding not supported")
    upgrade = ",".join(came.get("Upgrade", ())).lower()
    if upgrade and "upgrade" in ",".join(came.get("Connection", ())).lower() and "h2c" not in upgrade:
        raise HeadRefusal(501, "upgrade (WebSocket) is not supported")
    if "Expect" in came and headers.last(came, "Expect").lower() != "100-continue":
        raise HeadRefusal(417, "expectation not supported")


def _request_target(url: bytes, method: str) -> str:
    """Path and query of a request target (RFC 9112, section 3.2). Raises HeadRefusal if it has none."""
    if method == "CONNECT":
        raise HeadRefusal(501, "method CONNECT is not supported")
    try:
        target = url.decode("ascii")
    except UnicodeDecodeError:
        raise HeadRefusal(400, "malformed request target") from None
    if url.startswith(b"/") and b"#" not in url:  # nearly all are like that
        return target
    if target[:7].lower() == "http://" or target[:8].lower() == "https://":  # absolute-form: host and scheme are ours
        rest = target.split("://", 1)[1]
        start = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
        target = rest[start:]
        target = target if target.startswith("/") else "/" + target
    if not (target.startswith("/") or (target == "*" and method == "OPTIONS")) or "#" in target:
        raise HeadRefusal(400, "malformed request target")
    return target
