"""Parses the subject on which a message of a JetStream consumer is acknowledged.

`$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<timestamp>.<pending>`. Newer servers put
a domain and the hash of an account before the stream, and may put a token at the end (ADR-15:
https://github.com/nats-io/nats-architecture-and-design).
"""

from __future__ import annotations

from dataclasses import dataclass

_SHORT = 9  # parts of the older form
_LONG = 11  # and of the newer one, without the token


@dataclass(frozen=True, slots=True)
class AckSubject:
    """The parts of an acknowledgement subject.

    `delivered` counts the deliveries of this message from 1, `pending` is how many messages are to come. `timestamp`
    says when the stream took the message, in nanoseconds since 1970.
    """

    stream: str
    delivered: int
    stream_sequence: int
    consumer_sequence: int
    timestamp: str
    pending: int

    @classmethod
    def parse(cls, subject: str) -> AckSubject | None:
        """Read the reply subject of a message; None if it is not an acknowledgement subject."""
        parts = subject.split(".")
        if parts[:2] != ["$JS", "ACK"] or len(parts) < _SHORT:
            return None
        stream = 4 if len(parts) >= _LONG else 2
        try:
            return cls(
                parts[stream],
                int(parts[stream + 2]),
                int(parts[stream + 3]),
                int(parts[stream + 4]),
                parts[stream + 5],
                int(parts[stream + 6]),
            )
        except ValueError:
            return None

    @property
    def key(self) -> str:
        """Identifies the message even if the stream is recreated: sequence numbers restart then, times do not."""
        return f"{self.stream_sequence}-{self.timestamp}"
