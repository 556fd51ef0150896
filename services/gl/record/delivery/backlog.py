"""The queue of records that could not be published yet.

They are in the journal, or in memory if the journal cannot take them. If neither has room, the payloads of a record are
dropped. A record is lost only if there is no room for the rest of it either; losses are counted.
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
_MOST_SHORT = 16 * 1024 * 1024  # additional bytes of memory for records without payloads
_FLUSH_WITHIN_S = 0.02  # after which an acknowledgement is written to the journal at the latest
_NEARLY_FULL = 0.75  # of the journal or of that memory; above it, calls have to wait for their records


class Backlog:
    """The records that wait for the bus."""

    def __init__(
        self,
        journal: Journal | None,
        shorten: Callable[[bytes], bytes] = lambda data: data,
        most_held: int = _MOST_HELD,
        most_short: int = _MOST_SHORT,
    ) -> None:
        """`shorten` drops the payloads of a record. `most_held` and `most_short` are limits in bytes of memory."""
        self.journal = journal
        self.lost = 0  # records, since the start
        self.shortened = 0  # records that lost their payloads, since the start
        self.journal_error = ""  # why the journal could not take the last record that it refused
        self._waiting: dict[bytes, int] = {}  # in the journal: their sizes
        self._held: dict[bytes, bytes] = {}  # in memory
        self._held_bytes = 0
        self._shorten = shorten
        self._flushing: asyncio.TimerHandle | None = None
        self._most_held = most_held
        self._most_short = most_short

    def __len__(self) -> int:
        """The number of records that wait."""
        return len(self._waiting) + len(self._held)

    def __contains__(self, record_id: bytes) -> bool:
        return record_id in self._waiting or record_id in self._held

    @property
    def held(self) -> int:
        """The number of records in memory."""
        return len(self._held)

    @property
    def is_nearly_full(self) -> bool:
        """Whether records will be lost soon if many more are added."""
        if not len(self):
            return False
        journal = self.journal
        is_filling = journal is not None and journal.size > _NEARLY_FULL * journal.limit
        return is_filling or self._held_bytes > _NEARLY_FULL * self._most_held

    # ---------------------------------------------------------------- records

    def write_to_journal(self, kind: bytes, record_id: bytes, data: bytes) -> bool:
        """Write a record to the journal. Returns False and sets `journal_error` if that is not possible."""
        if self.journal is None:
            self.journal_error = "there is no journal"
            return False
        try:
            self.journal.append(kind, record_id, data)
        except (OSError, GechologError) as error:
            self.journal_error = str(error)
            return False
        return True

    def add(self, record_id: bytes, data: bytes) -> bool:
        """Queue a final record, or else its accepted version in the journal. Returns False if the record is lost."""
        self._drop_held(record_id)
        if self._put(record_id, data, self._most_held) or self.add_accepted(record_id):
            return True
        if self._put(record_id, self._shorten(data), self._most_held + self._most_short):
            self.shortened += 1
            return True
        self.lost += 1
        return False

    def _put(self, record_id: bytes, data: bytes, most_held: int) -> bool:
        """Put a final record into the journal, or else into memory. Returns False if neither has room."""
        if self.write_to_journal(FINAL, record_id, data):
            self._waiting[record_id] = len(data)
        elif self._held_bytes + len(data) <= most_held:
            self._held[record_id] = data
            self._held_bytes += len(data)
        else:
            return False
        return True

    def add_accepted(self, record_id: bytes) -> bool:
        """Queue the accepted version of a record. Returns False if the journal does not have it."""
        size = None if self.journal is None else self.journal.size_of(record_id)
        if size is None:
            return False
        self._waiting[record_id] = size
        return True

    def next(self, most: int, most_bytes: int) -> list[bytes]:
        """The next records to publish, those in memory first: at most `most` of `most_bytes`, but at least one."""
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
        """Read a record that waits; None if it no longer waits. Raises OSError, JournalDamaged."""
        if (data := self._held.get(record_id)) is not None:
            return UnackedRecord(record_id, data, recovered=False)
        return None if self.journal is None else self.journal.get(record_id)

    def move_to_end(self, record_id: bytes) -> None:
        """Move a record to the end of the queue: it was refused and must not block the others."""
        if record_id in self._waiting:
            self._waiting[record_id] = self._waiting.pop(record_id)
        elif record_id in self._held:
            self._held[record_id] = self._held.pop(record_id)

    def remove(self, record_id: bytes) -> None:
        """Remove a record from the queue. It stays in the journal until `acknowledge`."""
        self._waiting.pop(record_id, None)
        self._drop_held(record_id)

    def acknowledge(self, record_id: bytes) -> None:
        """Drop a record that the bus has. The journal marks it as acknowledged soon, together with others."""
        journal = self.journal
        if journal is not None and journal.acknowledge(record_id) and self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_FLUSH_WITHIN_S, self._flush, journal)

    def _flush(self, journal: Journal) -> None:
        self._flushing = None
        journal.flush()

    def move_to_journal(self) -> None:
        """Move records from memory to the journal, as far as it can take them now."""
        for record_id, data in list(self._held.items()):
            if not self.write_to_journal(FINAL, record_id, data):
                return
            self._drop_held(record_id)
            self._waiting[record_id] = len(data)

    def close(self) -> None:
        """Close the queue. Records that are only in memory are lost; those in the journal wait for the next process."""
        if self._flushing is not None:
            self._flushing.cancel()
        self.move_to_journal()
        for record_id in list(self._held):
            self._drop_held(record_id)
            if not self.add_accepted(record_id):
                self.lost += 1

    def _drop_held(self, record_id: bytes) -> None:
        self._held_bytes -= len(self._held.pop(record_id, b""))
