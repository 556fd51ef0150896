"""Which records of the stream are in hand, and which are known to be written. No I/O.

A record may come again although it was written: its acknowledgement was lost with the bus, or came too late. As long
as the process lives it knows better, and the record is not written twice.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from services.nats2log.entry import number_of

if TYPE_CHECKING:
    from services.nats2log.entry import Entry

_MOST_REMEMBERED = 100_000


class Known(Enum):
    """What the ledger knows of a record that comes in."""

    NEW = "new"
    IN_HAND = "in hand"
    WRITTEN = "written"


@dataclass(slots=True)
class _InHand:
    reply: str
    since: float


class Ledger:
    """Records by the key that names them in their stream."""

    def __init__(self, most_remembered: int = _MOST_REMEMBERED) -> None:
        self._most_remembered = most_remembered
        self._in_hand: dict[str, _InHand] = {}
        self._written: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        """Records in hand."""
        return len(self._in_hand)

    def take_in(self, entry: Entry, now: float) -> Known:
        """Note that `entry` came in. Of one that is in hand the newer reply subject counts."""
        if entry.key in self._written:
            return Known.WRITTEN
        held = self._in_hand.get(entry.key)
        if held is not None:
            held.reply = entry.reply
            return Known.IN_HAND
        self._in_hand[entry.key] = _InHand(entry.reply, now)
        return Known.NEW

    def written(self, key: str) -> str | None:
        """Note that a record is written; returns where to acknowledge it, None if it is not in hand."""
        held = self._in_hand.pop(key, None)
        if held is None:
            return None
        self._written[key] = None
        if len(self._written) > self._most_remembered:
            self._written.popitem(last=False)
        return held.reply

    def given_back(self, key: str) -> str | None:
        """Note that a record leaves our hands unwritten; returns where to say so, None if it is not in hand."""
        held = self._in_hand.pop(key, None)
        return None if held is None else held.reply

    def oldest(self) -> int | None:
        """The lowest number in the stream of what is in hand."""
        return min((number_of(key) for key in self._in_hand), default=None)

    def older_than(self, since: float) -> list[str]:
        """Reply subjects of what came in before `since`."""
        return [held.reply for held in self._in_hand.values() if held.since < since]
