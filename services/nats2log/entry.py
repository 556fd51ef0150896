"""A record on its way from the bus to the destination of the sink."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One record.

    `id` is the record's own id, or empty. `reply` is the subject to acknowledge it on, or empty without JetStream.
    `key` identifies it in its stream.
    """

    data: bytes
    id: str = ""
    reply: str = ""
    key: str = ""

    @property
    def durable(self) -> bool:
        """Whether the record stream keeps the record until it is acknowledged."""
        return bool(self.reply)


def number_of(key: str) -> int:
    """Return the stream sequence number in a key."""
    return int(key.partition("-")[0])
