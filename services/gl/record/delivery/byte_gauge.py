"""Counts the bytes of records in flight. Pure."""

from __future__ import annotations


class ByteGauge:
    """The sizes of records in flight, by record id. It is full if they exceed `limit` bytes in total."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sizes: dict[bytes, int] = {}
        self._total = 0

    @property
    def is_full(self) -> bool:
        return self._total > self._limit

    def add(self, record_id: bytes, size: int) -> bool:
        """Add a record, or update its size. Returns whether the gauge is full now."""
        total = self._total = self._total + size - self._sizes.get(record_id, 0)
        self._sizes[record_id] = size
        return total > self._limit

    def remove(self, record_id: bytes) -> None:
        """Remove a record. Does nothing if it is not counted."""
        self._total -= self._sizes.pop(record_id, 0)
