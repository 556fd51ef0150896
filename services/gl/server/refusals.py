"""Refusals of requests that exceed a limit, before a call begins. Pure.

Clients with plain errors get the texts. The details name the limit, and the field that sets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import headers
from services.gl.errors import ErrorDetail, Refusal
from services.gl.responses.response import JSON
from services.gl.server.status_line import status_line

if TYPE_CHECKING:
    from services.gl.errors import ErrorReply

_ROOM_AFTER_S = 5
_CONNECTION_AFTER_S = 1


class HeadRefusal(Refusal):
    """The refusal of a request that does not reach a router."""


def too_many_connections(most: int) -> HeadRefusal:
    """There are `most` connections already."""
    limit = f"the gateway takes {most} at a time (limits.connections, and the files that its process may open)"
    return _passing(f"too many connections: {limit}", "too many connections", _CONNECTION_AFTER_S)


def no_room(what: str) -> HeadRefusal:
    """There is no room for `what`: a head or a body."""
    text = f"no room for the request {what}"
    return _passing(f"{text}: other requests hold all of limits.inflight_body_bytes", text, _ROOM_AFTER_S)


def head_too_large(limit: int) -> HeadRefusal:
    """The head has more than `limit` bytes."""
    message = f"request head larger than {limit} bytes (limits.request_head_bytes)"
    return HeadRefusal(431, "request head too large", detail=ErrorDetail(431, message))


def too_many_headers() -> HeadRefusal:
    """The head has too many header names."""
    message = f"request head with more than {headers.MOST_LINES} headers"
    return HeadRefusal(431, "request head too large", detail=ErrorDetail(431, message))


def framing_too_large(limit: int) -> HeadRefusal:
    """Chunk extensions and trailers have more than `limit` bytes plus 8 times the size of the body."""
    text = "chunk extensions or trailers too large"
    message = f"{text}: they exceed {limit} bytes (limits.request_head_bytes) and 8 times the size of the body"
    return HeadRefusal(431, text, detail=ErrorDetail(431, message))


def body_too_large(limit: int) -> Refusal:
    """The body has more than `limit` bytes."""
    text = f"request body larger than {limit} bytes"
    return Refusal(413, text, detail=ErrorDetail(413, f"{text} (limits.request_body_bytes)", "request_too_large"))


def timed_out(what: str, seconds: float | None) -> HeadRefusal:
    """The head or body (`what`) did not arrive within `seconds`; None: it stalled while others waited for its room."""
    text = f"request {what} took too long"
    if seconds is None:
        message = f"{text}: no data came, and other requests waited for its room in limits.inflight_body_bytes"
    else:
        went = "not complete" if what == "head" else "no data"
        message = f"{text}: {went} within {seconds * 1000:.0f} ms (limits.request_{what}_timeout_ms)"
    return HeadRefusal(408, text, detail=ErrorDetail(408, message, "request_timeout"))


def response(reply: ErrorReply) -> bytes:
    """The whole response, which ends the connection."""
    framing = {"Content-Type": [JSON], "Content-Length": [str(len(reply.body))], "Connection": ["close"]}
    head = status_line(reply.status).encode("ascii") + headers.lines(framing | reply.headers)
    return head + b"\r\n" + reply.body


def _passing(message: str, text: str, seconds: int) -> HeadRefusal:
    """A refusal with a Retry-After of `seconds`."""
    return HeadRefusal(503, text, {"Retry-After": [str(seconds)]}, ErrorDetail(503, message, "overloaded"))
