"""A buffer of records that wait to be written. Its producers bound its size."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.nats2log.entry import RecordEntry


class Buffer:
    """A queue from which records are taken in batches."""

    def __init__(self) -> None:
        self._entries: deque[RecordEntry] = deque()
        self._changed = asyncio.Event()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: RecordEntry) -> None:
        self._entries.append(entry)
        self.bytes += len(entry.data)
        self._changed.set()

    def wake(self) -> None:
        """Make a waiting `take` return at once."""
        self._changed.set()

    async def take(self, max_entries: int, max_bytes: int, timeout: float | None = None) -> list[RecordEntry]:  # noqa: ASYNC109
        """Take the oldest records, up to `max_entries` and about `max_bytes`.

        Returns an empty list after `timeout` seconds without a record, or after `wake`.
        """
        if not self._entries:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                return []
        return self.take_now(max_entries, max_bytes)

    def take_now(self, max_entries: int, max_bytes: int) -> list[RecordEntry]:
        """Take records as `take` does, without waiting."""
        taken: list[RecordEntry] = []
        remaining = max_bytes
        while self._entries and len(taken) < max_entries and remaining > 0:
            entry = self._entries.popleft()
            taken.append(entry)
            remaining -= len(entry.data)
        self.bytes -= max_bytes - remaining
        return taken
