"""Entries that have come in and wait to be written. Bounded by those who fill it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.nats2log.entry import Entry


class Buffer:
    """A queue that is emptied many entries at a time."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._changed = asyncio.Event()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self.bytes += len(entry.data)
        self._changed.set()

    def wake(self) -> None:
        """Let a `take` that waits return at once."""
        self._changed.set()

    async def take(self, most: int, most_bytes: int, timeout: float | None = None) -> list[Entry]:  # noqa: ASYNC109
        """The oldest entries, up to `most` and about `most_bytes`; none after `timeout` seconds, or a `wake`."""
        if not self._entries:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                return []
        return self.take_now(most, most_bytes)

    def take_now(self, most: int, most_bytes: int) -> list[Entry]:
        """As `take`, without waiting."""
        taken: list[Entry] = []
        room = most_bytes
        while self._entries and len(taken) < most and room > 0:
            entry = self._entries.popleft()
            taken.append(entry)
            room -= len(entry.data)
        self.bytes -= most_bytes - room
        return taken
