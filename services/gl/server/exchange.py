"""One request of a client, and the response to it."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from gecholog import headers
from services.gl.http import Disconnected
from services.gl.server.garbage_collection import COUNTED_FROM
from services.gl.server.request_body import BodyChannel, RequestBody
from services.gl.server.status_line import status_line

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Coroutine

    from gecholog.headers import Headers
    from services.gl.server.request_reader import RequestHead

_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_OURS = frozenset({"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive"})  # the connection's business


class ExchangeChannel(BodyChannel, Protocol):
    """The client connection, as far as an exchange uses it."""

    peer: str
    lost: bool  # the client has closed it

    @property
    def may_stay(self) -> bool:
        """Whether the connection takes another request after this one."""

    @property
    def drained(self) -> asyncio.Future[None] | None:
        """Done when the client has read enough, or failed with Disconnected; None if there is nothing to wait for."""

    def responded(self, exchange: Exchange) -> None:
        """The response is complete."""

    def break_off(self, exchange: Exchange) -> None:
        """The response is incomplete: close the connection."""


class Exchange:
    """A request whose head has come. Handed to the gateway as both `Request` and `Responder`."""

    # As all begin; set when it changes.
    task: asyncio.Task[None] | None = None
    started = False
    finished = False
    _head = b""
    _bodiless = False
    _is_all = False  # there is nothing behind the head
    _chunked = False
    _left: int | None = None

    def __init__(self, channel: ExchangeChannel, head: RequestHead) -> None:
        self.method = head.method
        self.path, _, self.query = head.target.partition("?")
        self.headers = head.headers
        self.client = channel.peer
        self.keep_alive = head.keep_alive
        self.request_body = RequestBody(channel, head)
        self._channel = channel
        self._version = head.version

    def body(self, limit: int) -> Coroutine[Any, Any, bytes]:
        """Return the whole body. Raises Refusal if it exceeds `limit` bytes (413) or cannot be read."""
        return self.request_body.read(limit)

    @property
    def lost(self) -> bool:
        """Whether the client has closed the connection."""
        return self._channel.lost

    def start(self, status: int, fields: Headers, length: int | None) -> None:
        """Set status and headers of the response. They leave with its first piece, or `flush`. Raises Disconnected."""
        if self._channel.lost:
            raise Disconnected
        self._bodiless = self.method == "HEAD" or status in (204, 304)
        framing = self._framing(status, length)
        date = "" if "Date" in fields else f"Date: {_date()}\r\n"
        first = f"{status_line(status)}{date}{framing}"
        self._head = first.encode("ascii") + headers.lines(headers.without(fields, _OURS)) + b"\r\n"
        self._is_all = self._bodiless or length == 0

    def flush(self) -> None:
        """Send the head if it has not left: the first piece is late. Raises Disconnected.

        A head that is the whole response leaves at its end, because the record is stored first.
        """
        if self._head and not self._is_all:
            self._send(b"")

    def _send(self, data: bytes) -> None:
        """Write to the client, the head first if it has not left."""
        self.started = True
        head, self._head = self._head, b""
        self._channel.send(head + data if head else data)

    def _framing(self, status: int, length: int | None) -> str:
        """The lines that tell how the response ends (RFC 9112, section 6) and whether the connection stays open."""
        if not self.request_body.is_complete or not self._channel.may_stay:
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
        """Send a piece of the body; an empty one only sends the head.

        Returns what to wait for while the client reads too slowly. Raises Disconnected.
        """
        if self._bodiless:
            return None
        if not piece:
            self.flush()
            return None
        if self._left is not None:
            self._left -= len(piece)
        if len(piece) >= COUNTED_FROM:
            self._channel.garbage.handled(len(piece))
        self._send(b"%x\r\n%s\r\n" % (len(piece), piece) if self._chunked else piece)
        return self._channel.drained

    def finish(self) -> None:
        """End the body. If it is shorter than announced, break the connection."""
        if self._left and not self._bodiless:
            self.abort()
            return
        if self._head or self._chunked:
            self._send(b"0\r\n\r\n" if self._chunked else b"")
        self.finished = True
        self._channel.responded(self)

    def abort(self) -> None:
        """Break the connection, so that the client sees that the response is incomplete. No effect after its end."""
        if not self.finished:
            self.finished = True
            self._channel.break_off(self)

    def client_disconnected(self) -> None:
        """The client has closed the connection: cancel the work for it."""
        if not self.finished and self.task is not None:
            # A task that has not begun ends with an error that refers to the call, which refers to us: a cycle.
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
