"""One request of a caller, and the reply to it."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from gecholog import headers
from services.gl.errors import Refusal
from services.gl.http import Disconnected
from services.gl.server.body_budget import SMALL
from services.gl.server.garbage import COUNTED_FROM
from services.gl.server.refusals import body_too_large
from services.gl.server.status_line import status_line

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gecholog.headers import Headers
    from services.gl.server.garbage import Garbage
    from services.gl.server.uploads import Uploads

_TINY = 4 * 1024  # bytes of a body that are not counted: the connection itself takes more
# Bytes of a body whose pieces are joined at its end. Those of a larger one are gathered as they come: it is never there
# twice, and its end takes no longer than that of another.
_JOINED = 1024 * 1024
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_OURS = frozenset({"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive"})  # the connection's business


class ExchangeChannel(Protocol):
    """The client connection, as far as an exchange uses it."""

    peer: str
    lost: bool  # the client has closed it
    loop: asyncio.AbstractEventLoop
    uploads: Uploads
    garbage: Garbage

    @property
    def may_stay(self) -> bool:
        """Whether the connection takes another request after this one."""

    @property
    def room(self) -> asyncio.Future[None] | None:
        """Done when the client has read enough, or failed with Disconnected; None if there is nothing to wait for."""

    def send(self, data: bytes) -> None:
        """Write to the client. Raises Disconnected."""

    def awaits_body(self) -> None:
        """The exchange waits for its body, or for room for it: start the time-out of that."""

    def send_away(self) -> None:
        """Refuse the request: its body has stalled while others wait for room."""

    def replied(self, exchange: Exchange) -> None:
        """The response is complete."""

    def break_off(self, exchange: Exchange) -> None:
        """The response is incomplete: close the connection."""


class Exchange:
    """A request whose head has come. Handed to the gateway as both `Request` and `Responder`.

    Of the body no more than the first bytes are read before the gateway asks for it, and no more than the listener's
    budget has room for.
    """

    # As all begin; set when it changes.
    task: asyncio.Task[None] | None = None
    started = False
    finished = False
    complete = False  # the request has come to its end
    expects_continue = False
    announced = 0  # size of the body, if the head told it
    received = 0  # bytes of the body that have come
    is_chunked = False
    is_asked = False  # the gateway wants the body
    may_read = False  # it has room for more of it
    keep_alive = True
    _has_room = False  # it was granted some
    _taken = 0
    _gathered: BytesIO | None = None
    _body_waiter: asyncio.Future[None] | None = None
    _refusal: Refusal | None = None
    _head = b""
    _bodiless = False
    _chunked = False
    _left: int | None = None

    def __init__(self, connection: ExchangeChannel, method: str, target: str, version: str, came: Headers) -> None:
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
        if not (self.complete and self._take()):
            await self._upload(limit)
        return self._whole()

    def _whole(self) -> bytes:
        pieces = self._pieces
        if self._gathered is not None:
            pieces[:] = [self._gathered.getvalue()]  # its own buffer, not a copy
            self._gathered = None
        elif len(pieces) != 1:
            pieces[:] = [b"".join(pieces)]
        return pieces[0]

    def _take(self) -> bool:
        """Have room for a body that came with the head; False if others wait for it."""
        size = self.received
        if size <= _TINY:
            return True
        if size > SMALL or not self._connection.uploads.take(size):
            return False
        self._taken = size
        self._release_at_end()
        return True

    async def _upload(self, limit: int) -> None:
        """Have room for the body, and wait for what of it has not come yet."""
        uploads = self._connection.uploads
        self.is_asked = True
        self._release_at_end()
        uploads.ask(self, None if self.is_chunked else self.announced, self.received)
        self._connection.awaits_body()
        while not (self._has_room and self.complete):
            if self._has_room and self.expects_continue:
                self.expects_continue = False
                self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._body_waiter = self.loop.create_future()
            try:
                await self._body_waiter
            finally:
                self._body_waiter = None
            self._check(limit)
        uploads.complete(self, self.received)

    def _release_at_end(self) -> None:
        task = self.task or asyncio.current_task()  # None: the client has gone, and the work goes on to its own end
        if task is not None:
            task.add_done_callback(self._release)

    def _release(self, _: asyncio.Task[None] | None = None) -> None:
        """The call is over: nobody holds the body any more."""
        self._connection.garbage.handled(self.received)
        if self._taken:
            self._connection.uploads.give_back(self._taken)
            self._taken = 0
        elif self.is_asked:
            self._connection.uploads.release(self)

    def _check(self, limit: int) -> None:
        refusal = self._refusal
        if refusal is not None:  # a new one each time: what was raised holds the frames that it passed
            raise Refusal(refusal.status, refusal.text, refusal.headers, refusal.detail)
        if self.announced > limit or self.received > limit:
            raise body_too_large(limit)

    @property
    def lacks(self) -> int:
        """Bytes of the body that are still to come, as far as that is known."""
        return 0 if self.is_chunked else self.announced - self.received

    @property
    def waits(self) -> bool:
        """Whether the gateway waits for the body, and the body for room."""
        return self.is_asked and not self.may_read

    def add(self, piece: bytes, limit: int) -> None:
        """A piece of the body has come; what is over the limit is not kept."""
        self.received += len(piece)
        if self.received > limit:
            self._drop()
            self._wake()
        elif self._gathered is not None:
            self._gathered.write(piece)
        else:
            self._pieces.append(piece)
            if self.received > _JOINED:
                self._gathered = BytesIO()
                self._gathered.writelines(self._pieces)
                self._pieces.clear()

    def _drop(self) -> None:
        """Let go of what has come."""
        self._pieces.clear()
        self._gathered = None

    def progress(self) -> None:
        """All that was read has been added: count it."""
        if self.is_asked and not self.complete:
            self.may_read = False
            self._connection.uploads.received(self, self.received)
            self.may_read = self.may_read or self._connection.uploads.room(self) > 0
            if not self.may_read:
                self._connection.awaits_body()

    def end(self) -> None:
        """The request has come to its end."""
        self.complete = True
        self._wake()

    def refuse(self, refusal: Refusal) -> None:
        """The rest of the request cannot be read: whoever waits for it answers with this."""
        self._refusal = refusal
        self._drop()
        if self.is_asked:
            self._connection.uploads.release(self)
        self._wake()

    def go_on(self) -> None:
        """There is room for more of the body."""
        self._has_room = self.may_read = True
        self._connection.awaits_body()
        self._wake()

    def send_away(self) -> None:
        """The body does not come, and others wait for its room."""
        self._connection.send_away()

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
        first = f"{status_line(status)}{date}{framing}"
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
        if len(piece) >= COUNTED_FROM:
            self._connection.garbage.handled(len(piece))
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
            # One that has not begun ends with an error that knows the call, which knows us: a cycle through the task.
            task, self.task = self.task, None
            task.cancel()


_date_cache: tuple[int, str] = (0, "")


def _date() -> str:
    """The present time as HTTP writes it (RFC 9110, section 5.6.7), made once a second."""
    global _date_cache  # noqa: PLW0603 - a cache of one, replaced as a whole
    second = int(time.time())
    if _date_cache[0] != second:
        _date_cache = (second, formatdate(second, usegmt=True))
    return _date_cache[1]
