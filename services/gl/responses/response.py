"""Responses that do not come straight from an upstream: made by gl, or partly read already."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from services.gl.record import payload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gecholog.headers import Headers
    from services.gl.http import Response, Take

JSON = "application/json"
_PIECE = 256 * 1024  # bytes


def pieces_of(body: bytes) -> Iterable[bytes]:
    """Cut a body into pieces to send: framing and encrypting one must not block other calls for long."""
    return (body,) if len(body) <= _PIECE else (body[at : at + _PIECE] for at in range(0, len(body), _PIECE))


class LocalResponse:
    """A response that gl makes itself. Its `content_type` is sent, but the record does not list it as a header."""

    def __init__(
        self, status: int, body: bytes, headers: Headers | None = None, content_type: str | None = JSON
    ) -> None:
        self.status = int(status)
        self.headers: Headers = headers or {}
        self.content_type = content_type
        self._pieces = iter(pieces_of(body))
        self._length = len(body)

    @property
    def length(self) -> int | None:
        return self._length

    def ready(self) -> bytes | None:
        return next(self._pieces, b"")

    async def read(self, _: Take | None = None, /) -> bytes:
        return next(self._pieces, b"")

    def abandon(self) -> None:
        self._pieces = iter(())


class PrefetchedResponse:
    """A response of which some pieces were read already: reads return them again, then the rest."""

    def __init__(self, pieces: list[bytes], response: Response) -> None:
        self.status = response.status
        self.headers = response.headers
        self._length = response.length
        self._pieces = deque(pieces)
        self._response = response

    @property
    def length(self) -> int | None:
        return self._length

    def ready(self) -> bytes | None:
        return self._pieces.popleft() if self._pieces else self._response.ready()

    async def read(self, take: Take | None = None, /) -> bytes:
        return self._pieces.popleft() if self._pieces else await self._response.read(take)

    def abandon(self) -> None:
        self._pieces.clear()
        self._response.abandon()


async def read_whole(response: Response, pieces: list[bytes], limit: int) -> bytes | None:
    """Return the whole body; None if it has more than `limit` bytes. Raises UpstreamError if it breaks off.

    `pieces` holds what was read of it before, and at the end all that was read.
    """
    size = sum(map(len, pieces))
    while piece := await response.read():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            return None
    return b"".join(pieces) if size <= payload.AT_ONCE else await asyncio.to_thread(b"".join, pieces)
