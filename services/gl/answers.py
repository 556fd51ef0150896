"""Answers that do not come straight from a target: made here, or read ahead."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gecholog.headers import Headers
    from services.gl.http import Response

JSON = "application/json"
_PIECE = 256 * 1024  # bytes


def pieces_of(body: bytes) -> Iterable[bytes]:
    """A body as pieces to send: what is done to one (framing, encryption) must not hold up other calls."""
    return (body,) if len(body) <= _PIECE else (body[at : at + _PIECE] for at in range(0, len(body), _PIECE))


class LocalAnswer:
    """An answer that gl makes itself. Its `content_type` is sent, but is no header of the record."""

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

    async def read(self) -> bytes:
        return next(self._pieces, b"")

    def abandon(self) -> None:
        self._pieces = iter(())


class ReadAhead:
    """An answer of which some pieces were taken already; they come again, then the rest."""

    def __init__(self, pieces: list[bytes], answer: Response) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._length = answer.length
        self._pieces = deque(pieces)
        self._answer = answer

    @property
    def length(self) -> int | None:
        return self._length

    async def read(self) -> bytes:
        return self._pieces.popleft() if self._pieces else await self._answer.read()

    def abandon(self) -> None:
        self._pieces.clear()
        self._answer.abandon()
