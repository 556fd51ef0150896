"""The upload of a very large request head. It counts against the byte budget, as bodies do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from services.gl.server.uploads import READ_BYTES

if TYPE_CHECKING:
    from services.gl.server.uploads import Uploads

COUNTED_FROM = READ_BYTES
"""Bytes of a head from which on it is an upload."""


class HeadChannel(Protocol):
    """The client connection, as far as a large head uses it."""

    uploads: Uploads

    def update_reading(self) -> None:
        """Read on, or stop reading."""

    def refuse_stalled(self) -> None:
        """Refuse the request: its head has stalled while others wait for room."""


class HeadUpload:
    """The upload of one head."""

    def __init__(self, channel: HeadChannel) -> None:
        self.may_read = False
        self._channel = channel

    def ask(self, limit: int, received: int) -> None:
        """Ask for room for `limit` bytes, of which `received` are here."""
        self._channel.uploads.ask(self, max(limit, received), received)

    def received(self, size: int) -> None:
        """Note that `size` bytes of the head are here in total."""
        self._channel.uploads.received(self, size)

    def release(self) -> None:
        """Free the room: the head is complete, or is not needed any more."""
        self._channel.uploads.release(self)

    def resume(self) -> None:
        """There is room for the head."""
        self.may_read = True
        self._channel.update_reading()

    def refuse_stalled(self) -> None:
        """The head has stalled while others wait for its room."""
        self._channel.refuse_stalled()
