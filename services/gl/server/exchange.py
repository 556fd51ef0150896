"""One request of a caller, and the reply to it."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import headers
from services.gl.call import Disconnected, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gecholog.headers import Headers
    from services.gl.server.connection import Connection

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_FREED_AT_ONCE = 16  # pieces of a body
_JOINED_AT_ONCE = 1024 * 1024  # bytes: of more, `bytes.join` lets other threads go on meanwhile
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_OURS = frozenset({"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive"})  # the connection's business


class Exchange:
    """A request whose head has come. Handed to the gateway as both `Request` and `Responder`."""

    # As all begin; set when it changes.
    task: asyncio.Task[None] | None = None
    started = False
    finished = False
    complete = False  # the request has come to its end
    expects_continue = False
    announced = 0  # size of the body, if the head told it
    keep_alive = True
    _size = 0
    _body_waiter: asyncio.Future[None] | None = None
    _refusal: Refusal | None = None
    _head = b""
    _bodiless = False
    _chunked = False
    _left: int | None = None

    def __init__(self, connection: Connection, method: str, target: str, version: str, came: Headers) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = came
        self.client = connection.peer
        self.loop = connection.loop
        self._connection = connection
        self._version = version
        self._pieces: list[bytes] = []

    # ------------------------------------------------------------ the request

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises Refusal if it has more than `limit` bytes (413), or does not come as it should."""
        self._check(limit)
        if not self.complete:
            await self._rest(limit)
        return self._whole() if self._size <= _JOINED_AT_ONCE else await asyncio.to_thread(self._whole)

    async def _rest(self, limit: int) -> None:
        """Wait for what has not come yet."""
        if self.expects_continue:
            self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._connection.awaits_body()
        while not self.complete:
            self._body_waiter = self.loop.create_future()
            try:
                await self._body_waiter
            finally:
                self._body_waiter = None
            self._check(limit)

    def _check(self, limit: int) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self.announced > limit or self._size > limit:
            raise Refusal(413, f"request body larger than {limit} bytes")

    def _whole(self) -> bytes:
        pieces = self._pieces
        if len(pieces) != 1:
            whole = b"".join(pieces)
            while pieces:  # to free many of them takes long, and nobody else has the interpreter meanwhile
                del pieces[-_FREED_AT_ONCE:]
            pieces.append(whole)
        return pieces[0]

    def add(self, piece: bytes, limit: int) -> None:
        """A piece of the body has come; what is over the limit is not kept."""
        self._size += len(piece)
        if self._size <= limit:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
            self._wake()

    def end(self) -> None:
        """The request has come to its end."""
        self.complete = True
        self._wake()

    def refuse(self, refusal: Refusal) -> None:
        """The rest of the request cannot be read: whoever waits for it answers with this."""
        self._refusal = refusal
        self._wake()

    @property
    def received(self) -> int:
        """Bytes of the body that have come."""
        return self._size

    def _wake(self) -> None:
        if self._body_waiter is not None and not self._body_waiter.done():
            self._body_waiter.set_result(None)

    # -------------------------------------------------------------- the reply

    @property
    def lost(self) -> bool:
        """Whether the caller is gone."""
        return self._connection.lost

    def start(self, status: int, fields: Headers, length: int | None) -> None:
        """Status and headers of the reply. Raises Disconnected."""
        if self._connection.lost:
            raise Disconnected
        self._bodiless = self.method == "HEAD" or status in (204, 304)
        framing = self._framing(status, length)
        date = "" if "Date" in fields else f"Date: {_date()}\r\n"
        first = f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n{date}{framing}"
        self._head = first.encode("ascii") + headers.lines(headers.without(fields, _OURS)) + b"\r\n"
        # The first piece is often here already and leaves with the head; if not, the head does not wait for it. A head
        # that is all of the reply leaves at its end: the record is kept before.
        if not (self._bodiless or length == 0):
            self.loop.call_soon(self._send_head)

    def _send_head(self) -> None:
        if self._head and not self._connection.lost:
            self._send(b"")

    def _send(self, data: bytes) -> None:
        """Write to the caller, the head first if it has not left."""
        self.started = True
        head, self._head = self._head, b""
        self._connection.send(head + data if head else data)

    def _framing(self, status: int, length: int | None) -> str:
        """How the reply's end is known (RFC 9112, section 6), and whether the connection stays."""
        if not self.complete or not self._connection.may_stay:
            self.keep_alive = False
        lines = ""
        if status != _NO_CONTENT:
            if length is not None:
                self._left = length
                lines = f"Content-Length: {length}\r\n"
            elif not self._bodiless:
                if self._version == "1.1":
                    self._chunked = True
                    lines = "Transfer-Encoding: chunked\r\n"
                else:
                    self.keep_alive = False
        if not self.keep_alive:
            return lines + "Connection: close\r\n"
        return lines + "Connection: keep-alive\r\n" if self._version == "1.0" else lines

    def write(self, piece: bytes) -> Awaitable[None] | None:
        """Send a piece of the body; returns what to wait for while the caller is slow. Raises Disconnected."""
        if self._bodiless or not piece:
            return None
        if self._left is not None:
            self._left -= len(piece)
        self._send(b"%x\r\n%s\r\n" % (len(piece), piece) if self._chunked else piece)
        return self._connection.room

    def finish(self) -> None:
        """The body is complete. A body that is shorter than was said breaks the connection."""
        if self._left and not self._bodiless:
            self.abort()
            return
        if self._head or self._chunked:
            self._send(b"0\r\n\r\n" if self._chunked else b"")
        self.finished = True
        self._connection.replied(self)

    def abort(self) -> None:
        """Break off, so that the caller sees that the reply is not complete. Does nothing after its end."""
        if not self.finished:
            self.finished = True
            self._connection.break_off(self)

    def gone(self) -> None:
        """The caller is gone: the work for it is cancelled."""
        if not self.finished and self.task is not None:
            self.task.cancel()


_date_cache: tuple[int, str] = (0, "")


def _date() -> str:
    """The present time as HTTP writes it (RFC 9110, section 5.6.7), made once a second."""
    global _date_cache  # noqa: PLW0603 - a cache of one, replaced as a whole
    second = int(time.time())
    if _date_cache[0] != second:
        _date_cache = (second, formatdate(second, usegmt=True))
    return _date_cache[1]
