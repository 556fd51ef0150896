"""Tracks the records of the stream that are in flight, and those that were written recently. No I/O.

A record may be delivered again although it was written: its acknowledgement was lost, or came too late. This process
remembers what it has written, so that it does not write the record twice.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from services.nats2log.entry import number_of

if TYPE_CHECKING:
    from services.nats2log.entry import RecordEntry

_MAX_REMEMBERED = 100_000


class DeliveryState(Enum):
    """State of a record that is delivered."""

    NEW = "new"
    IN_FLIGHT = "in flight"
    WRITTEN = "written"


@dataclass(slots=True)
class _UnackedRecord:
    reply: str
    since: float


class InFlight:
    """Records by the key that identifies them in their stream."""

    def __init__(self, max_remembered: int = _MAX_REMEMBERED) -> None:
        self._max_remembered = max_remembered
        self._in_flight: dict[str, _UnackedRecord] = {}
        self._written: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of records in flight."""
        return len(self._in_flight)

    def receive(self, entry: RecordEntry, now: float) -> DeliveryState:
        """Register a delivery of `entry`. The newer reply subject replaces that of a record already in flight."""
        if entry.key in self._written:
            return DeliveryState.WRITTEN
        delivery = self._in_flight.get(entry.key)
        if delivery is not None:
            delivery.reply = entry.reply
            return DeliveryState.IN_FLIGHT
        self._in_flight[entry.key] = _UnackedRecord(entry.reply, now)
        return DeliveryState.NEW

    def acked(self, key: str) -> str | None:
        """Mark a record as written. Return the subject to acknowledge it on, or None if it is not in flight."""
        delivery = self._in_flight.pop(key, None)
        if delivery is None:
            return None
        self._written[key] = None
        if len(self._written) > self._max_remembered:
            self._written.popitem(last=False)
        return delivery.reply

    def nacked(self, key: str) -> str | None:
        """Remove a record that was not written. Return the subject to nack it on, or None if it is not in flight."""
        delivery = self._in_flight.pop(key, None)
        return None if delivery is None else delivery.reply

    def oldest(self) -> int | None:
        """Return the lowest stream sequence number in flight, or None."""
        return min((number_of(key) for key in self._in_flight), default=None)

    def older_than(self, since: float) -> list[str]:
        """Return the reply subjects of the records that were delivered before `since`."""
        return [delivery.reply for delivery in self._in_flight.values() if delivery.since < since]
