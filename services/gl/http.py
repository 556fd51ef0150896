"""The wire as the rest of gl sees it: what the server and the upstream client implement, and what they are given."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.routing import Router


class Request(Protocol):
    """What a caller sent. `path` and `query` are as they came, still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Headers
    client: str

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises Refusal (413) if it has more than `limit` bytes, Disconnected if it does not come."""


class Responder(Protocol):
    """The way back to the caller. One head, then pieces, then the end; `abort` breaks the connection instead."""

    started: bool  # something of the reply is on its way

    @property
    def lost(self) -> bool:
        """Whether the caller is gone."""

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """Send status and headers; `length` is the size of the body in bytes, None if it is not known."""

    def write(self, piece: bytes) -> Awaitable[None] | None:
        """Send a piece of the body; returns what to wait for while the caller is slow."""

    def finish(self) -> None:
        """The body is complete."""

    def abort(self) -> None:
        """Break off, so that the caller sees that the body is not complete."""


class Answer(Protocol):
    """What came from the other side: a target's answer, or one that we made."""

    status: int
    headers: Headers

    @property
    def length(self) -> int | None:
        """Size of the body in bytes if it is known before it comes."""

    async def read(self) -> bytes:
        """The next piece of the body, empty at its end. Raises UpstreamError if it breaks off."""

    def abandon(self) -> None:
        """Nobody wants the rest. Does nothing after the end."""


class Disconnected(Exception):
    """The caller is gone."""


@dataclass(slots=True)
class Outbound:
    """What goes to the target. `path` and `query` are encoded; `headers` have their real values.

    `may_repeat`: whoever set up the call takes it that a request may be sent twice.
    """

    method: str
    router: Router
    path: str
    query: str
    headers: Headers
    body: bytes
    may_repeat: bool = False
