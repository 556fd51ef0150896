"""Records that the bus did not take yet: in the journal, or in memory while the journal takes no more.

A record that neither has room for is kept without its payloads. It is given up only if there is no room for that
either, and then it is counted.
"""

from __future__ import annotations

import asyncio
from itertools import chain, islice
from typing import TYPE_CHECKING

from gecholog.errors import GechologError
from services.gl.record.journal.entry import FINAL, UnackedRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.gl.record.journal.journal import Journal

_MOST_HELD = 64 * 1024 * 1024  # bytes of records in memory
_MOST_SHORT = 16 * 1024 * 1024  # bytes of memory for records without their payloads, when that is full
_FLUSH_WITHIN_S = 0.02  # until the journal notes a release, if nothing else is written to it before
_TIGHT = 0.75  # of the journal, or of that memory: from here on calls should not be faster than their records


class Backlog:
    """What waits for the bus."""

    def __init__(
        self,
        journal: Journal | None,
        shorten: Callable[[bytes], bytes] = lambda data: data,
        most_held: int = _MOST_HELD,
        most_short: int = _MOST_SHORT,
    ) -> None:
        """`journal` is None where there is none. `shorten` makes a record small; the rest are bytes of memory."""
        self.journal = journal
        self.lost = 0  # records, since the start
        self.shortened = 0  # the same of those that were kept without their payloads
        self.kept_fault = ""  # why the journal did not take a record last
        self._waiting: dict[bytes, int] = {}  # in the journal: their sizes
        self._held: dict[bytes, bytes] = {}  # in memory
        self._held_bytes = 0
        self._shorten = shorten
        self._flushing: asyncio.TimerHandle | None = None
        self._most_held = most_held
        self._most_short = most_short

    def __len__(self) -> int:
        """How many records wait."""
        return len(self._waiting) + len(self._held)

    def __contains__(self, record_id: bytes) -> bool:
        return record_id in self._waiting or record_id in self._held

    @property
    def held(self) -> int:
        """How many of them are in memory."""
        return len(self._held)

    @property
    def is_tight(self) -> bool:
        """Whether records will soon be lost if many more come."""
        if not len(self):
            return False
        journal = self.journal
        is_filling = journal is not None and journal.size > _TIGHT * journal.limit
        return is_filling or self._held_bytes > _TIGHT * self._most_held

    # ---------------------------------------------------------------- records

    def keep(self, kind: bytes, record_id: bytes, data: bytes) -> bool:
        """Put a record into the journal; False, with `kept_fault`, if that is not possible."""
        if self.journal is None:
            self.kept_fault = "there is no journal"
            return False
        try:
            self.journal.append(kind, record_id, data)
        except (OSError, GechologError) as error:
            self.kept_fault = str(error)
            return False
        return True

    def add(self, record_id: bytes, data: bytes) -> bool:
        """A final record has to wait; False if it is lost. What the journal has of it already will do if need be."""
        self._drop_held(record_id)
        if self._put(record_id, data, self._most_held) or self.wait_as_accepted(record_id):
            return True
        if self._put(record_id, self._shorten(data), self._most_held + self._most_short):
            self.shortened += 1
            return True
        self.lost += 1
        return False

    def _put(self, record_id: bytes, data: bytes, most_held: int) -> bool:
        """Put a final record into the journal, or else into memory; False if neither has room."""
        if self.keep(FINAL, record_id, data):
            self._waiting[record_id] = len(data)
        elif self._held_bytes + len(data) <= most_held:
            self._held[record_id] = data
            self._held_bytes += len(data)
        else:
            return False
        return True

    def wait_as_accepted(self, record_id: bytes) -> bool:
        """Let the version that the journal has wait; False if it has none."""
        size = None if self.journal is None else self.journal.size_of(record_id)
        if size is None:
            return False
        self._waiting[record_id] = size
        return True

    def next(self, most: int, most_bytes: int) -> list[bytes]:
        """The records to be tried next, those in memory first: at most so many, of so many bytes, but at least one."""
        chosen: list[bytes] = []
        total = 0
        held = ((record_id, len(data)) for record_id, data in self._held.items())
        for record_id, size in islice(chain(held, self._waiting.items()), most):
            total += size
            if chosen and total > most_bytes:
                break
            chosen.append(record_id)
        return chosen

    def get(self, record_id: bytes) -> UnackedRecord | None:
        """A record that waits; None if it does no more. Raises OSError, JournalDamaged."""
        if (data := self._held.get(record_id)) is not None:
            return UnackedRecord(record_id, data, recovered=False)
        return None if self.journal is None else self.journal.get(record_id)

    def put_last(self, record_id: bytes) -> None:
        """One that was refused must not hold up those behind it."""
        if record_id in self._waiting:
            self._waiting[record_id] = self._waiting.pop(record_id)
        elif record_id in self._held:
            self._held[record_id] = self._held.pop(record_id)

    def remove(self, record_id: bytes) -> None:
        """It waits no more. What the journal has of it stays until `release`."""
        self._waiting.pop(record_id, None)
        self._drop_held(record_id)

    def acknowledge(self, record_id: bytes) -> None:
        """The bus has a record. The journal's note of that is written soon, with others."""
        journal = self.journal
        if journal is not None and journal.acknowledge(record_id) and self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_FLUSH_WITHIN_S, self._flush, journal)

    def _flush(self, journal: Journal) -> None:
        self._flushing = None
        journal.flush()

    def settle(self) -> None:
        """Move to the journal what it takes by now of the records in memory: there they outlive the process."""
        for record_id, data in list(self._held.items()):
            if not self.keep(FINAL, record_id, data):
                return
            self._drop_held(record_id)
            self._waiting[record_id] = len(data)

    def close(self) -> None:
        """The process ends: what is in memory alone is lost. What the journal has is for the next process."""
        if self._flushing is not None:
            self._flushing.cancel()
        self.settle()
        for record_id in list(self._held):
            self._drop_held(record_id)
            if not self.wait_as_accepted(record_id):
                self.lost += 1

    def _drop_held(self, record_id: bytes) -> None:
        self._held_bytes -= len(self._held.pop(record_id, b""))
