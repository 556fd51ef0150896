"""A record on its way from the bus to the target, and what its acknowledgement subject says about it."""

from __future__ import annotations

from dataclasses import dataclass

# $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>; newer servers may put domain
# and account in front of the stream and a token at the end (nats-architecture-and-design, ADR-15).
_SHORT = 9
_LONG = 11


@dataclass(frozen=True, slots=True)
class Delivered:
    """What JetStream says with a message: where it is in the stream, which attempt this is, how many are to come."""

    stream: str
    attempt: int
    sequence: int
    time: str
    pending: int

    @property
    def key(self) -> str:
        """Names the message in its stream for good: numbers begin anew when a stream is made anew, times do not."""
        return f"{self.sequence}-{self.time}"

    @classmethod
    def of(cls, reply: str) -> Delivered | None:
        """Read an acknowledgement subject; None if it is none."""
        parts = reply.split(".")
        if parts[:2] != ["$JS", "ACK"] or len(parts) < _SHORT:
            return None
        if len(parts) >= _LONG:
            parts = parts[:2] + parts[4:]
        try:
            return cls(parts[2], int(parts[4]), int(parts[5]), parts[7], int(parts[8]))
        except ValueError:
            return None


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
