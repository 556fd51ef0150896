"""Turns the bytes of a connection into requests (RFC 9112), with llhttp. Pure: bytes in, events out.

llhttp cannot tell every request of another protocol, gathers chunk extensions and trailers without a limit, and ends a
message at an offer to speak HTTP/2. All three are dealt with here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import httptools

from gecholog import headers
from services.gl.server import refusals, request_head
from services.gl.server.refusals import HeadRefusal

if TYPE_CHECKING:
    from gecholog.headers import Headers

MOST_QUEUED = 8
"""Requests that a client may send ahead. Those after them are kept as bytes, which take far less memory."""

_SEARCHED_WHOLE = 2 * 1024  # bytes of data that are searched for other protocols, whether they are of a head or not
_USUAL_HEAD = 4 * 1024  # bytes; in more of them no end of a head is looked for
_HEAD_END = b"\r\n\r\n"
_FEW = 1024  # bytes in which there is no room for many requests
_LEAST_PIECE = 256  # bytes of many requests that are read at a time
_BYTES_PER_BYTE = 8  # of a chunked body: a chunk of a single byte costs six
_OFFER = frozenset({"Connection", "Upgrade", "Http2-Settings"})


@dataclass(slots=True)
class RequestHead:
    """The head of a request. `target` is its path and query, `announced` the size of its body in bytes."""

    method: str
    target: str
    version: str
    headers: Headers
    keep_alive: bool
    announced: int
    is_chunked: bool

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for 100 (Continue) before it sends the body."""
        return self.version == "1.1" and "Expect" in self.headers


class RequestEnd(Enum):
    """The request is complete."""

    END = 0


END: Final = RequestEnd.END

Event = RequestHead | bytes | RequestEnd | HeadRefusal
"""A head, a piece of its body, the end of both, or why what follows cannot be read: then it is the last event."""


class RequestReader:
    """Reads the requests of one connection, one after the other."""

    def __init__(self) -> None:
        self.head_bytes = 0  # bytes of a head that has not come to its end
        self.ahead = b""  # requests that are not read yet: feed them by `next_piece`
        self.headers: Headers = {}  # of the present request, as far as they have come
        self._parser: Any = httptools.HttpRequestParser(self)
        self._events: list[Event] = []
        self._limit = 0  # bytes of a head
        self._in_head = False
        self._in_body = False
        self._url = b""
        self._url_piece = b""
        self._behind_url: bytes | None = None
        self._without_offer = b""
        self._announced: int | None = None  # bytes of the body; None if it is chunked
        self._received = 0  # bytes of the body
        self._body_fed = 0  # bytes of it with what is around its chunks

    @property
    def has_partial_head(self) -> bool:
        """Whether a head has begun that has not come to its end."""
        return self._in_head or self.head_bytes > 0

    @property
    def path(self) -> str:
        """The path of the present request, as far as it has come."""
        return self._url.decode("latin-1").partition("?")[0]

    def close(self) -> None:
        """Let go of the parser. It knows this object: a cycle that only the collector would find."""
        self._parser = None
        self.ahead = b""

    def next_piece(self) -> bytes:
        """Take some of the requests that were sent ahead."""
        piece, self.ahead = _cut(self.ahead)
        return piece

    def feed(self, data: bytes | memoryview, limit: int) -> list[Event]:
        """Read some more data. A head may have `limit` bytes."""
        self._limit = limit
        if self._in_body:
            self._body_fed += len(data)
        else:
            self.head_bytes += len(data)
        try:
            self._parse(data)
        except (HeadRefusal, httptools.HttpParserError) as error:
            self._events.append(_refusal_of(error))
        else:
            # Chunk extensions and trailers are thrown away, but the parser gathers them: they must have an end.
            if self._in_body and self._body_fed > limit + _BYTES_PER_BYTE * self._received:
                self._events.append(refusals.framing_too_large(limit))
        events, self._events = self._events, []
        return events

    def _parse(self, data: bytes | memoryview) -> None:
        """Feed the parser. Where there may be a head, other protocols are looked for; bodies are left alone."""
        if not self._in_body and len(data) > _SEARCHED_WHOLE:
            start = bytes(data[:_USUAL_HEAD])
            end = start.find(_HEAD_END) + len(_HEAD_END)
            if end >= len(_HEAD_END):
                self._parse_head(start[:end])
                data = data[end:]
        if self._in_body and self._announced is not None and self._announced - self._received >= len(data):
            self._parser.feed_data(data)
            return
        rest = bytes(data)
        if not self.ahead and len(rest) > _FEW and rest.count(_HEAD_END) > MOST_QUEUED:
            rest, self.ahead = _cut(rest)
        self._parse_head(rest)

    def _parse_head(self, data: bytes) -> None:
        """Feed data in which a request may begin."""
        if self._behind_url is not None:
            self._behind_url = request_head.goes_on(self._behind_url, data)
        if request_head.RTSP in data:
            self._parse_carefully(data)
        else:
            self._parse_some(data)
        if self._in_head and self._url_piece:
            self._behind_url = request_head.behind(data, self._url_piece)
            self._url_piece = b""
        if not self._in_body and self.head_bytes > self._limit:
            raise refusals.head_too_large(self._limit)

    def _parse_carefully(self, data: bytes) -> None:
        """Feed data in which RTSP's name stands, of which llhttp does not tell."""
        for piece, is_before_rtsp in request_head.cut(data):
            size = len(self._url)
            self._parse_some(piece)
            if is_before_rtsp and self._in_head and len(self._url) > size:
                raise HeadRefusal(505, request_head.NOT_HTTP)

    def _parse_some(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                # An offer to speak HTTP/2 is passed over (RFC 9110, section 7.8). llhttp takes the message for ended at
                # its head, so the request is read again without the offer, and its body with it.
                data = self._without_offer + data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)

    # ---------------------------------------------------- what the parser says

    def on_message_begin(self) -> None:
        self._in_head = True
        self._url = self._url_piece = b""
        self.headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._url_piece = url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # behind the body: trailers, which are dropped
            headers.add(self.headers, name, value)
            if len(self.headers) > headers.MOST_NAMES:
                raise refusals.too_many_headers()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self.head_bytes > self._limit and self._head_size() > self._limit:  # what came may hold a part of the body
            raise refusals.head_too_large(self._limit)
        self.head_bytes = 0
        head = self._head()
        if self._parser.should_upgrade():
            self._without_offer = self._head_without_offer(head.keep_alive)
            return
        self._in_body = True
        self._announced = None if head.is_chunked else head.announced
        self._received = self._body_fed = 0
        self._events.append(head)

    def _head(self) -> RequestHead:
        parser, came = self._parser, self.headers
        version, method = parser.get_http_version(), parser.get_method().decode("ascii")
        request_head.check(method, version, came)
        return RequestHead(
            method,
            request_head.target(self._url, method),
            version,
            came,
            parser.should_keep_alive(),
            int(headers.last(came, "Content-Length") or 0),
            "Transfer-Encoding" in came,
        )

    def _head_without_offer(self, keep_alive: bool) -> bytes:  # noqa: FBT001 - one fact about the request
        """The head of the present request as it would be had its sender not offered HTTP/2."""
        first = b"%s %s HTTP/%s" % (
            self._parser.get_method(),
            self._url,
            self._parser.get_http_version().encode("ascii"),
        )
        kept = headers.lines(headers.without(self.headers, _OFFER))
        last = b"" if keep_alive else b"Connection: close\r\n"
        return first + b"\r\n" + kept + last + b"\r\n"

    def _head_size(self) -> int:
        return len(self._url) + len(headers.lines(self.headers))

    def on_body(self, piece: bytes) -> None:
        if self._in_body:
            self._received += len(piece)
            self._events.append(piece)

    def on_message_complete(self) -> None:
        if self._in_body:
            self._in_body = False
            self._events.append(END)


def _refusal_of(error: Exception) -> HeadRefusal:
    """The refusal of a request that the parser, or a rule of ours, does not take."""
    cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error
    if isinstance(cause, HeadRefusal):
        return cause.with_traceback(None)  # whose frames hold the reader
    if isinstance(error, httptools.HttpParserInvalidMethodError):
        return HeadRefusal(501, "method not known")
    return HeadRefusal(400, "malformed request")


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """A few requests of many, up to the end of a head, and the rest."""
    end = data.find(_HEAD_END, _LEAST_PIECE)
    end = len(data) if end < 0 else end + len(_HEAD_END)
    return data[:end], data[end:]
