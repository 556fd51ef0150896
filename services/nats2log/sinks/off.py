"""The sink that is off. It has no destination and receives no records."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import RecordEntry
    from services.nats2log.sinks.sink import Failure


class Off:
    """Ignores all messages on its subject."""

    async def open(self) -> None:
        """Do nothing."""

    async def write(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        """Discard the messages: a subject without records carries none."""
        del entries
        return []

    async def close(self) -> None:
        """Do nothing."""


def make(writer: Writer, tls: OutboundTls) -> Off:
    """Create the sink for a config that is off."""
    del writer, tls
    return Off()
