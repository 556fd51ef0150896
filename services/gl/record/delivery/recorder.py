"""The recorder stores records in the journal, publishes them, and drops them when the bus has acknowledged them.

`accept` is called before the last byte of a reply, `publish` after it. Records that cannot be published wait in the
backlog until the bus accepts them, roughly in order, as do the records of dead processes. While the bus does not
acknowledge, the breaker is open: records go to the backlog at once, and no call waits for the bus.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

from gecholog.errors import BusError
from gecholog.logs import Log
from services.gl.record.delivery.backlog import Backlog
from services.gl.record.delivery.backpressure import Backpressure
from services.gl.record.delivery.error_log import ErrorLog
from services.gl.record.delivery.monitor import Monitor
from services.gl.record.delivery.publisher import Publisher
from services.gl.record.delivery.redelivery import Redelivery
from services.gl.record.fitting import shrink
from services.gl.record.journal.entry import ACCEPTED, FINAL
from services.gl.record.journal.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gecholog.bus import Bus
    from gecholog.recordlog import RecordLogConfig
    from gecholog.recordstatus import RecordStatusStore

log = Log("records")

_SHORT = 16 * 1024  # bytes to which a record is cut if there is little room
_NO_ROOM = "because neither the bus nor the journal had room"
_OPEN_TRIES = 3
_POLL_S = 0.01  # between checks for unacknowledged records when stopping


class DeliveryFigures(NamedTuple):
    """The state of the delivery: records that the bus has not acknowledged, records lost since the start, and bytes."""

    pending: int
    lost: int
    journal_bytes: int
    journal_limit: int


class Recorder:
    """Delivers records to the bus. There is one for the lifetime of gl; `publish_to` sets the bus and the subject."""

    def __init__(
        self,
        root: Path,
        journal_limit: int,
        status_file: RecordStatusStore | None = None,
        on_loss: Callable[[str], None] = lambda _: None,
        backpressure: Backpressure | None = None,
    ) -> None:
        """`root` holds the journals of all processes; `journal_limit` is the maximum size of this one in bytes.

        `status_file` shows the state of the delivery to other processes; `on_loss` is called at each loss.
        """
        self.backpressure = backpressure or Backpressure()
        self._on_loss = on_loss
        self._backlog = Backlog(_open_journal(root, journal_limit), lambda data: shrink(data, _SHORT, _NO_ROOM))
        self._errors = ErrorLog(self._backlog)
        self._publisher = Publisher(
            self.backpressure, self._errors, self._on_result, self._update_backpressure, self._on_connect
        )
        self._redelivery = Redelivery(root, self._backlog, self._publisher, self._errors, self._update_backpressure)
        self._monitor = Monitor(self._publisher, self._backlog, self._redelivery, status_file)

    # -------------------------------------------------------------- lifecycle

    async def publish_to(self, bus: Bus, subject: str, config: RecordLogConfig) -> None:
        """Publish to this bus and subject from now on."""
        await self._publisher.use(bus, subject, config)

    def _on_connect(self) -> None:
        self._redelivery.connected()

    def adopt_orphans(self) -> None:
        """Publish what another process of this gateway has left in its journal: it has died."""
        self._redelivery.connected()

    def resize(self, journal_limit: int) -> None:
        """Change the maximum size of the journal, in bytes."""
        if self._backlog.journal is not None:
            self._backlog.journal.limit = journal_limit

    @property
    def largest(self) -> int:
        """The maximum size of a record in bytes."""
        return self._publisher.largest

    async def run(self) -> None:
        """Publish the backlog whenever the bus is available, and monitor it. Runs until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._redelivery.run(), name="backlog")
            tasks.create_task(self._monitor.run(), name="record status")

    async def stop(self, seconds: float) -> None:
        """Publish as much of the backlog as possible in `seconds`. The rest stays in the journal for the next start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._redelivery.drain()
                while self._publisher.unacknowledged or self._backlog.held:
                    await asyncio.sleep(_POLL_S)
                    if self._backlog.held:
                        await self._redelivery.drain()
        for record_id, data in self._publisher.take_unacknowledged().items():
            self._add_to_backlog(record_id, data, "the gateway ends")
        self._backlog.close()
        self._monitor.check(time.monotonic())
        journal = self._backlog.journal
        if journal is not None:
            if len(journal):
                log.warning("records left in the journal for the next start", records=len(journal))
            journal.close()

    def figures(self) -> DeliveryFigures:
        """The state of the delivery, in numbers."""
        backlog, journal = self._backlog, self._backlog.journal
        return DeliveryFigures(
            pending=len(backlog) + len(self._publisher.unacknowledged),
            lost=backlog.lost,
            journal_bytes=0 if journal is None else journal.size,
            journal_limit=0 if journal is None else journal.limit,
        )

    # ---------------------------------------------------------------- records

    def accept(self, record_id: bytes, data: bytes, *, is_final: bool = False) -> None:
        """Store a record before the client has the whole reply. `publish` or `abandon` must follow.

        `is_final`: the record is complete, and should not be marked as recovered if this process dies now.
        """
        self.backpressure.accepted(record_id, len(data))
        kind = FINAL if is_final else ACCEPTED
        if self._backlog.journal is not None and not self._backlog.write_to_journal(kind, record_id, data):
            self._errors.error("cannot write record to the journal", self._backlog.journal_error)

    def abandon(self, record_id: bytes) -> None:
        """Publish the accepted version of a record: there will be no final one."""
        self.backpressure.finalized(record_id)
        if self._backlog.add_accepted(record_id):
            self._redelivery.wake()

    def publish(self, record_id: bytes, data: bytes, *, is_stored: bool = False) -> None:
        """Publish the final record, now or as soon as the bus is available.

        `is_stored`: these bytes were accepted, so the journal has them already if it could take them.
        """
        self.backpressure.finalized(record_id)
        publisher = self._publisher
        if publisher.is_paused:
            self._add_to_backlog(
                record_id, data, publisher.breaker.reason or publisher.stream.reason, is_stored=is_stored
            )
        elif self.backpressure.bus_is_full:
            self._add_to_backlog(record_id, data, "", is_stored=is_stored)
        else:
            try:
                if not publisher.send(record_id, data):
                    self._backlog.acknowledge(record_id)
            except BusError as error:
                self._add_to_backlog(record_id, data, str(error), is_stored=is_stored)

    def _on_result(self, record_id: bytes, data: bytes, error: BusError | None) -> None:
        """Handle the reply of the bus, or its absence."""
        if error is None:
            self._backlog.acknowledge(record_id)
        else:
            self._add_to_backlog(record_id, data, str(error))

    def _add_to_backlog(self, record_id: bytes, data: bytes, reason: str, *, is_stored: bool = False) -> None:
        """Queue a record. `reason` is empty if there is no error, only too much in flight."""
        backlog, errors, shortened = self._backlog, self._errors, self._backlog.shortened
        added = (is_stored and backlog.add_accepted(record_id)) or backlog.add(record_id, data)
        if backlog.shortened > shortened:
            errors.error(
                "records kept without payloads, journal and memory are full", reason, shortened=backlog.shortened
            )
        if not added:
            errors.error("record lost, bus unavailable and journal and memory full", reason, lost=backlog.lost)
            self._on_loss(f"{backlog.lost} records lost: {reason or backlog.journal_error}")
        elif backlog.held:
            errors.error("cannot write record to the journal", backlog.journal_error)
        if reason:
            errors.error("record not published, retrying", reason)
        self._update_backpressure()
        self._redelivery.wake()

    def _update_backpressure(self) -> None:
        """Update the back-pressure on calls."""
        is_paused = self._publisher.is_paused
        # While the bus accepts nothing, waiting would not help: the journal stores what it can.
        is_nearly_full = not is_paused and self._redelivery.failures == 0 and self._backlog.is_nearly_full
        self.backpressure.update(bypasses_bus=is_paused, is_nearly_full=is_nearly_full)


def _open_journal(root: Path, limit: int) -> Journal | None:
    reason: str | None = None
    for _ in range(_OPEN_TRIES):  # each has another folder
        try:
            return Journal(root, limit)
        except OSError as error:
            reason = error.strerror
    log.error("cannot open journal, records are lost if gl crashes", folder=str(root), reason=reason)
    return None
