"""Turns the bytes of a connection into requests (RFC 9112), with llhttp. Pure: bytes in, events out.

llhttp accepts some requests of other protocols, gathers chunk extensions and trailers without a limit, and ends a
message after its head if it offers HTTP/2. All three are handled here.
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
"""Requests that a client may send ahead. Later ones are kept as bytes, which take far less memory."""

_SEARCHED_WHOLE = 2 * 1024  # bytes of data that are searched for other protocols even where they may be a body
_USUAL_HEAD = 4 * 1024  # bytes in which the end of a head is looked for
_HEAD_END = b"\r\n\r\n"
_FEW = 1024  # bytes that cannot hold many requests
_LEAST_PIECE = 256  # bytes of requests sent ahead that are read at a time
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
"""A head, a piece of its body, the end of the request. A refusal is the last event: the rest cannot be read."""


class RequestReader:
    """Reads the requests of one connection, one after another."""

    def __init__(self) -> None:
        self.head_bytes = 0  # bytes of an incomplete head
        self.ahead = b""  # requests that are not parsed yet: feed them by `next_piece`
        self._lines: list[tuple[bytes, bytes]] = []  # header lines of the current request
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
        self._body_fed = 0  # bytes of it including its chunked framing

    @property
    def has_partial_head(self) -> bool:
        """Whether an incomplete head is here."""
        return self._in_head or self.head_bytes > 0

    @property
    def path(self) -> str:
        """The path of the current request, as far as it has arrived."""
        return self._url.decode("latin-1").partition("?")[0]

    @property
    def headers(self) -> Headers:
        """The headers of the current request, as far as they have arrived."""
        return headers.collect(self._lines)

    def close(self) -> None:
        """Release the parser. It refers to this object: a cycle that only the collector would find."""
        self._parser = None
        self.ahead = b""

    def next_piece(self) -> bytes:
        """Take some of the requests that were sent ahead."""
        piece, self.ahead = _cut(self.ahead)
        return piece

    def feed(self, data: bytes | memoryview, limit: int) -> list[Event]:
        """Parse some more data. A head may have `limit` bytes."""
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
            # Chunk extensions and trailers are dropped, but the parser gathers them: they need a limit.
            if self._in_body and self._body_fed > limit + _BYTES_PER_BYTE * self._received:
                self._events.append(refusals.framing_too_large(limit))
        events, self._events = self._events, []
        return events

    def _parse(self, data: bytes | memoryview) -> None:
        """Feed the parser. Data that may hold a head is searched for other protocols; bodies are not."""
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
            self._behind_url = request_head.continue_rtsp(self._behind_url, data)
        if data.find(request_head.RTSP) >= 0:  # `in` takes longer
            self._parse_carefully(data)
        else:
            self._parse_some(data)
        if self._in_head and self._url_piece:
            self._behind_url = request_head.possible_rtsp(data, self._url_piece)
            self._url_piece = b""
        if not self._in_body and self.head_bytes > self._limit:
            raise refusals.head_too_large(self._limit)
        if self._in_head and len(self._lines) > headers.MOST_LINES:
            raise refusals.too_many_headers()

    def _parse_carefully(self, data: bytes) -> None:
        """Feed data that contains ` RTSP/`, which llhttp does not report."""
        for piece, is_before_rtsp in request_head.split_at_rtsp(data):
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
                # An offer to speak HTTP/2 is ignored (RFC 9110, section 7.8). llhttp ends the message after its head,
                # so the request is parsed again without the offer, together with its body.
                data = self._without_offer + data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)

    # ---------------------------------------------------- parser callbacks

    def on_message_begin(self) -> None:
        self._in_head = True
        self._url = self._url_piece = b""
        self._lines = []

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._url_piece = url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # after the body: trailers, which are dropped
            self._lines.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self._lines) > headers.MOST_LINES:
            raise refusals.too_many_headers()
        if self.head_bytes > self._limit and self._head_size() > self._limit:  # the data may hold a part of the body
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
        parser, received = self._parser, headers.collect(self._lines)
        version, method = parser.get_http_version(), parser.get_method().decode("ascii")
        request_head.check(method, version, received)
        return RequestHead(
            method,
            request_head.target(self._url, method),
            version,
            received,
            parser.should_keep_alive(),
            int(headers.last(received, "Content-Length") or 0),
            "Transfer-Encoding" in received,
        )

    def _head_without_offer(self, keep_alive: bool) -> bytes:  # noqa: FBT001 - one fact about the request
        """The head of the current request without the offer to speak HTTP/2."""
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
    """The refusal of a request that the parser or a rule of gl rejects."""
    cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error
    if isinstance(cause, HeadRefusal):
        return cause.with_traceback(None)  # its frames hold the reader
    if isinstance(error, httptools.HttpParserInvalidMethodError):
        return HeadRefusal(501, "method not known")
    return HeadRefusal(400, "malformed request")


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Split off a few requests, up to the end of a head."""
    end = data.find(_HEAD_END, _LEAST_PIECE)
    end = len(data) if end < 0 else end + len(_HEAD_END)
    return data[:end], data[end:]
