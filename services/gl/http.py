"""Requests and responses, and the protocols that the server and the upstream client implement. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.routing.routers import Router


class Disconnected(Exception):
    """The client has closed the connection."""


class Request(Protocol):
    """A request of a client. `path` and `query` are as received, percent-encoded; `client` is the client's address."""

    method: str
    path: str
    query: str
    headers: Headers
    client: str

    async def body(self, limit: int) -> bytes:
        """Return the whole body. Raises Refusal (413) if it exceeds `limit` bytes, Disconnected if it breaks off."""


class Responder(Protocol):
    """Sends the response to the client: `start` once, `write` per piece, then `finish`, or `abort` instead.

    The head leaves with the first piece. `flush` sends it before, if that is late.
    """

    started: bool  # a part of the response has been sent

    @property
    def lost(self) -> bool:
        """Whether the client has closed the connection."""

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """Set status and headers; `length` is the size of the body in bytes, None if it is not known."""

    def flush(self) -> None:
        """Send status and headers now, if they have not left. Raises Disconnected."""

    def write(self, piece: bytes) -> Awaitable[None] | None:
        """Send a piece of the body. Returns an awaitable if the client reads too slowly, which ends when it is ready.

        Raises Disconnected, and so may the awaitable.
        """

    def finish(self) -> None:
        """End the body: it is complete."""

    def abort(self) -> None:
        """Close the connection, which tells the client that the body is incomplete."""


Take = Callable[[bytes], Awaitable[None] | None]
"""Takes a piece of a body. Returns an awaitable if the next piece has to wait, which ends when that may come."""


class Response(Protocol):
    """A response whose body is read piece by piece: an upstream's, or one that gl makes itself."""

    status: int
    headers: Headers

    @property
    def length(self) -> int | None:
        """Size of the body in bytes if it is known in advance."""

    def ready(self) -> bytes | None:
        """Return the next piece of the body if it is here, b"" at the end; None if `read` has to wait for it.

        Raises UpstreamError if the body breaks off.
        """

    async def read(self, take: Take | None = None, /) -> bytes:
        """Return the next piece of the body, b"" at its end. Raises UpstreamError if the body breaks off.

        Pieces that arrive while it waits may be given to `take` instead: then the task need not wake for each. It never
        gets the last piece of a body that has a length. What `take` raises, this raises.
        """

    def abandon(self) -> None:
        """Discard the rest of the body. Does nothing after its end."""


class UpstreamResponse(Response, Protocol):
    """The response of an upstream."""

    def unread(self, data: bytes, /) -> None:
        """Put back what was read: the next `read` returns it again."""


class UpstreamRequest(NamedTuple):
    """A request to a router's target. `path` and `query` are percent-encoded; `headers` contain real secrets.

    `may_repeat` allows the upstream client to send it a second time, whatever its method. `deadline` is when the whole
    response must be there, by the clock of the event loop and whatever the time-outs of the target; None: no deadline.
    """

    method: str
    router: Router
    path: str
    query: str
    headers: Headers
    body: bytes
    may_repeat: bool = False
    deadline: float | None = None


class Upstream(Protocol):
    """The client that sends requests to upstreams."""

    async def send(self, request: UpstreamRequest, /) -> UpstreamResponse:
        """Send a request and return the response once its head is here. Raises UpstreamError."""

    def retire(self) -> None:
        """Close idle connections, and the others after their response."""
