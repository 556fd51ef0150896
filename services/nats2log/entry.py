"""A record on its way from the bus to the target."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `id` is its own, empty if it has none; `reply` is where it is acknowledged, empty if nowhere;
    `key` names it in the stream that it comes from.
    """

    data: bytes
    id: str = ""
    reply: str = ""
    key: str = ""

    @property
    def durable(self) -> bool:
        """The record log keeps it until it is acknowledged."""
        return bool(self.reply)


def number_of(key: str) -> int:
    """The number in the stream that a key holds."""
    return int(key.partition("-")[0])
