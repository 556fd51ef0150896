"""Decodes request bodies with a content encoding within limits: a few bytes may expand to very many."""

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
    """Counts the decoded bytes of bodies in flight, in addition to the received bytes."""

    def __init__(self) -> None:
        self.held = 0

    def count(self, size: int, total: int) -> bool:
        """Count `size` bytes, to `uncount` later. Returns False if the sum would exceed `total`.

        One body is always accepted.
        """
        if self.held and self.held + size > total:
            return False
        self.held += size
        return True

    def uncount(self, size: int) -> None:
        """Subtract `size` bytes."""
        self.held -= size

    def count_for_task(self, size: int, total: int) -> bool:
        """Count `size` bytes until the current task ends. Returns False like `count`."""
        task = asyncio.current_task()
        if not self.count(size, total):
            return False
        if task is not None:
            task.add_done_callback(lambda _: self.uncount(size))
        return True


async def unpack(body: bytes, encoding: str, limits: Limits, count: UnpackedBytes) -> bytes:
    """Decode `body`. `encoding` is its Content-Encoding. Counts a large body until the current task, its call, ends.

    A large body is decoded twice: first to know its size, because it must be counted before it is in memory.
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
