"""Answers that do not come straight from a target: made here, or read ahead."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.call import Answer

JSON = "application/json"


class LocalAnswer:
    """An answer that gl makes itself. Its `content_type` is sent, but is no header of the record."""

    def __init__(
        self, status: int, body: bytes, headers: Headers | None = None, content_type: str | None = JSON
    ) -> None:
        self.status = int(status)
        self.headers: Headers = headers or {}
        self.content_type = content_type
        self._body = body

    @property
    def length(self) -> int | None:
        return len(self._body)

    async def read(self) -> bytes:
        body, self._body = self._body, b""
        return body

    def abandon(self) -> None:
        self._body = b""


class ReadAhead:
    """An answer of which some pieces were taken already; they come again, then the rest."""

    def __init__(self, pieces: list[bytes], answer: Answer) -> None:
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
