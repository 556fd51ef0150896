"""How many bytes of records are in flight. Pure."""

from __future__ import annotations


class ByteGauge:
    """The sizes of records in flight, by record id. It is full when they have more than `limit` bytes together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sizes: dict[bytes, int] = {}
        self._total = 0

    @property
    def is_full(self) -> bool:
        return self._total > self._limit

    def add(self, record_id: bytes, size: int) -> bool:
        """Count a record, or count it with its new size. Returns whether the gauge is full now."""
        total = self._total = self._total + size - self._sizes.get(record_id, 0)
        self._sizes[record_id] = size
        return total > self._limit

    def remove(self, record_id: bytes) -> None:
        """Stop to count a record. Does nothing if it is not counted."""
        self._total -= self._sizes.pop(record_id, 0)
