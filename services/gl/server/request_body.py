"""The body of a request: its pieces as they arrive, within the byte budget that all requests share."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from services.gl.errors import Refusal
from services.gl.server.body_budget import SMALL
from services.gl.server.refusals import body_too_large

if TYPE_CHECKING:
    from services.gl.server.garbage_collection import GarbageCollection
    from services.gl.server.request_reader import RequestHead
    from services.gl.server.uploads import Uploads

_TINY = 4 * 1024  # bytes; smaller bodies are not counted: the connection itself takes more memory
# Bytes. The pieces of smaller bodies are joined at the end. Those of larger bodies are gathered as they arrive, so that
# a body is never in memory twice, and completing it takes no longer than completing a small one.
_JOINED = 1024 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BodyChannel(Protocol):
    """The client connection, as far as the body of a request uses it."""

    loop: asyncio.AbstractEventLoop
    uploads: Uploads
    garbage: GarbageCollection

    def send(self, data: bytes, /) -> None:
        """Write to the client. Raises Disconnected."""

    def awaits_body(self) -> None:
        """Start the time-out of the body, or of the room that it waits for."""

    def refuse_stalled(self) -> None:
        """Refuse the request: its body has stalled while others wait for room."""


class RequestBody:
    """The body of a request, an `Upload`. Only its first bytes are read before the gateway asks for it.

    After that it is read as far as the budget has room for it.
    """

    # As all begin; set when it changes.
    is_complete = False
    is_asked = False  # the gateway waits for it
    may_read = False  # it has room for more
    received = 0  # bytes
    _has_room = False  # it was granted some
    _taken = 0  # bytes of the budget that it took at once
    _gathered: BytesIO | None = None
    _waiter: asyncio.Future[None] | None = None
    _refusal: Refusal | None = None

    def __init__(self, channel: BodyChannel, head: RequestHead) -> None:
        self._channel = channel
        self._head = head
        self._pieces: list[bytes] = []

    @property
    def lacks(self) -> int:
        """Bytes that have not arrived yet, as far as their number is known."""
        return 0 if self._head.is_chunked else self._head.announced - self.received

    @property
    def waits_for_room(self) -> bool:
        """Whether the gateway waits for the body, and the body for room."""
        return self.is_asked and not self.may_read

    async def read(self, limit: int) -> bytes:
        """Return the whole body, once: it is not kept. Raises Refusal if it exceeds `limit` bytes or cannot be read."""
        self._check(limit)
        if not (self.is_complete and self._take()):
            await self._upload(limit)
        return self._whole()

    def _whole(self) -> bytes:
        if self._gathered is not None:
            gathered, self._gathered = self._gathered, None
            return gathered.getvalue()  # its own buffer, not a copy
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self) -> bool:
        """Take room for a body that arrived with the head; False if others wait for room."""
        size = self.received
        if size <= _TINY:
            return True
        if size > SMALL or not self._channel.uploads.reserve(size):
            return False
        self._taken = size
        self._release_at_end()
        return True

    async def _upload(self, limit: int) -> None:
        """Ask for room for the body, and wait for the rest of it."""
        uploads, head = self._channel.uploads, self._head
        expects_continue = head.expects_continue
        self.is_asked = True
        self._release_at_end()
        uploads.ask(self, None if head.is_chunked else head.announced, self.received)
        self._channel.awaits_body()
        while not (self._has_room and self.is_complete):
            if self._has_room and expects_continue:
                expects_continue = False
                self._channel.send(_CONTINUE)
            self._waiter = self._channel.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
            self._check(limit)
        uploads.complete(self, self.received)

    def _release_at_end(self) -> None:
        """Hold the room until the current task has ended: its call holds the body until then."""
        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(self._release)

    def _release(self, _: asyncio.Task[None]) -> None:
        self._channel.garbage.handled(self.received)
        if self._taken:
            self._channel.uploads.unreserve(self._taken)
            self._taken = 0
        elif self.is_asked:
            self._channel.uploads.release(self)

    def _check(self, limit: int) -> None:
        refusal = self._refusal
        if refusal is not None:  # a new one each time: a raised exception holds the frames that it passed
            raise Refusal(refusal.status, refusal.text, refusal.headers, refusal.detail)
        if self._head.announced > limit or self.received > limit:
            raise body_too_large(limit)

    # ------------------------------------------------------------ what arrives

    def add(self, piece: bytes, limit: int) -> None:
        """Add a piece of the body. A body that exceeds `limit` bytes is not kept."""
        self.received += len(piece)
        if self.received > limit:
            self._drop()
            self._wake()
        elif self._gathered is not None:
            self._gathered.write(piece)
        else:
            self._pieces.append(piece)
            if self.received > _JOINED:
                self._gathered = BytesIO()
                self._gathered.writelines(self._pieces)
                self._pieces.clear()

    def account(self) -> None:
        """Count what has arrived against the budget, after all that was read has been added."""
        if self.is_asked and not self.is_complete:
            uploads = self._channel.uploads
            self.may_read = False
            uploads.received(self, self.received)
            self.may_read = self.may_read or uploads.available(self) > 0
            if not self.may_read:
                self._channel.awaits_body()

    def end(self) -> None:
        """The body is complete."""
        self.is_complete = True
        self._wake()

    def refuse(self, refusal: Refusal) -> None:
        """The rest cannot be read: `read` raises this."""
        self._refusal = refusal
        self._drop()
        if self.is_asked:
            self._channel.uploads.release(self)
        self._wake()

    def resume(self) -> None:
        """There is room for more of the body."""
        self._has_room = self.may_read = True
        self._channel.awaits_body()
        self._wake()

    def refuse_stalled(self) -> None:
        """The body has stalled while others wait for its room."""
        self._channel.refuse_stalled()

    def _drop(self) -> None:
        self._pieces.clear()
        self._gathered = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
