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

    async def take(self, max_entries: int, max_bytes: int, timeout: float | None = None) -> list[Entry]:  # noqa: ASYNC109
        """The oldest entries, up to `most` and about `most_bytes`; none after `timeout` seconds, or a `wake`."""
        if not self._entries:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                return []
        return self.take_now(max_entries, max_bytes)

    def take_now(self, max_entries: int, max_bytes: int) -> list[Entry]:
        """As `take`, without waiting."""
        taken: list[Entry] = []
        remaining = max_bytes
        while self._entries and len(taken) < max_entries and remaining > 0:
            entry = self._entries.popleft()
            taken.append(entry)
            remaining -= len(entry.data)
        self.bytes -= max_bytes - remaining
        return taken
