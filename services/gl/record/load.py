"""How many bytes of records are under way. Pure."""

from __future__ import annotations


class Load:
    """Records by their id and size; it is full when they have more than `limit` bytes together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sizes: dict[bytes, int] = {}
        self._total = 0

    @property
    def is_full(self) -> bool:
        return self._total > self._limit

    def put(self, record_id: bytes, size: int) -> bool:
        """A record is under way; one that was already is counted with its new size. Returns whether it is full now."""
        total = self._total = self._total + size - self._sizes.get(record_id, 0)
        self._sizes[record_id] = size
        return total > self._limit

    def drop(self, record_id: bytes) -> None:
        """A record is no more under way. Does nothing for one that was not."""
        self._total -= self._sizes.pop(record_id, 0)
