"""Request bodies with a content encoding, unpacked within limits: a few bytes may stand for very many."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.gl.errors import ErrorDetail, Refusal
from services.gl.record import decoding

if TYPE_CHECKING:
    from services.gl.limits import Limits

_SMALL = 256 * 1024  # bytes that are not counted
_SHARE = 4  # of limits.inflight_body_bytes a quarter


class UnpackedBytes:
    """Counts the bytes that bodies under way were unpacked to, beside those that arrived."""

    def __init__(self) -> None:
        self.held = 0

    def count(self, size: int, total: int) -> bool:
        """Count `size` bytes, to `give_back` later; False if there would be more than `total`. One body always fits."""
        if self.held and self.held + size > total:
            return False
        self.held += size
        return True

    def uncount(self, size: int) -> None:
        """Count `size` bytes less."""
        self.held -= size

    def count_for_task(self, size: int, total: int) -> bool:
        """`take`, and give back when the current task ends."""
        task = asyncio.current_task()
        if not self.count(size, total):
            return False
        if task is not None:
            task.add_done_callback(lambda _: self.uncount(size))
        return True


async def unpack(body: bytes, encoding: str, limits: Limits, count: UnpackedBytes) -> bytes:
    """`body` without the content codings of `encoding`, for the current task, whose call is over when it ends.

    A large body is unpacked twice: its size is known only then, and it must not be in memory before it is counted.
    Raises Refusal: 413 for more than `limits.request_body`, 503 if there is no room, 400 if it cannot be unpacked.
    """
    small = await asyncio.to_thread(decoding.decode, body, encoding, min(_SMALL, limits.request_body))
    if not small.too_large:
        return _whole(small)
    size = await asyncio.to_thread(decoding.decoded_size, body, encoding, limits.request_body)
    if size is None:
        text = f"request body larger than {limits.request_body} bytes when it is unpacked"
        raise Refusal(413, text, detail=ErrorDetail(413, f"{text} (limits.request_body_bytes)", "request_too_large"))
    if not count.count_for_task(size, limits.inflight_body // _SHARE):
        text = "no room for the request body"
        message = f"{text}: others are unpacked (a quarter of limits.inflight_body_bytes)"
        raise Refusal(503, text, detail=ErrorDetail(503, message, "no_room", retry_after=1))
    return _whole(await asyncio.to_thread(decoding.decode, body, encoding, size))


def _whole(decoded: decoding.Decoded) -> bytes:
    """All of a body. Raises Refusal if a part of it could not be decoded."""
    if decoded.note is not None:
        raise Refusal(400, f"the content encoding of the request cannot be undone: {decoded.note}")
    return decoded.data
