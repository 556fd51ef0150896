"""The sink that is off: it has nowhere to write to, and nobody sends it anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import Entry
    from services.nats2log.sinks.sink import Failure


class Off:
    """Takes what strays onto its subject, and leaves it."""

    async def open(self) -> None:
        """Nothing to open."""

    async def write(self, entries: Sequence[Entry]) -> list[Failure]:
        """Whatever was published on a subject that carries no records is no record."""
        del entries
        return []

    async def close(self) -> None:
        """Nothing to close."""


def make(writer: Writer, tls: OutboundTls) -> Off:
    """The sink for a config that is off."""
    del writer, tls
    return Off()
