"""The recorder: takes records, keeps them in the journal, publishes them, and lets go of what the bus has.

`accept` comes before the last byte of a reply, `publish` after it. What cannot be published waits in the backlog and is
published when the bus takes it, about in order; so is what a dead process left. While the bus does not acknowledge, the
breaker is open: records go to the backlog at once, and nobody waits for the bus.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from gecholog.errors import BusError
from gecholog.logs import Log
from services.gl.record.delivery.backlog import Backlog
from services.gl.record.delivery.backpressure import Backpressure
from services.gl.record.delivery.error_log import ErrorLog
from services.gl.record.delivery.monitor import Monitor
from services.gl.record.delivery.publisher import Publisher
from services.gl.record.delivery.redelivery import Redelivery
from services.gl.record.fitting import fitted
from services.gl.record.journal.entry import ACCEPTED
from services.gl.record.journal.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gecholog.bus import Bus
    from gecholog.recordlog import RecordLogConfig
    from gecholog.recordstatus import RecordStatusFile

log = Log("records")

_SHORT = 16 * 1024  # bytes of a record that there is little room for
_NO_ROOM = "because neither the bus nor the journal had room"
_POLL_S = 0.01  # between looks at what is not acknowledged, at the end


class Recorder:
    """Brings records to the bus. One for the life of the gateway; `publish_to` says which bus, and where on it."""

    def __init__(
        self,
        root: Path,
        journal_limit: int,
        status_file: RecordStatusFile | None = None,
        on_loss: Callable[[str], None] = lambda _: None,
        backpressure: Backpressure | None = None,
    ) -> None:
        """`root` holds the journals of all processes, `journal_limit` is the most bytes of this one.

        `status_file` is for others to read how the records fare; `on_loss` is told of each loss.
        """
        self.backpressure = backpressure or Backpressure()
        self._on_loss = on_loss
        self._backlog = Backlog(_open(root, journal_limit), lambda data: fitted(data, _SHORT, _NO_ROOM))
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

    def resize(self, journal_limit: int) -> None:
        """Change the most bytes that the journal keeps."""
        if self._backlog.journal is not None:
            self._backlog.journal.limit = journal_limit

    @property
    def largest(self) -> int:
        """Bytes that a record may have now."""
        return self._publisher.largest

    async def run(self) -> None:
        """Publish what is waiting, whenever the bus is there, and look after it. Runs until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._redelivery.run(), name="backlog")
            tasks.create_task(self._monitor.run(), name="record status")

    async def stop(self, seconds: float) -> None:
        """Publish what is waiting, if that is possible soon; the rest stays in the journal for the next start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._redelivery.drain()
                while self._publisher.unacknowledged or self._backlog.held:
                    await asyncio.sleep(_POLL_S)
                    if self._backlog.held:
                        await self._redelivery.drain()
        for record_id, data in self._publisher.take_unacknowledged().items():
            self._postpone(record_id, data, "the gateway ends")
        self._backlog.close()
        self._monitor.look(time.monotonic())
        journal = self._backlog.journal
        if journal is not None:
            if len(journal):
                log.warning("records left in the journal for the next start", records=len(journal))
            journal.close()

    # ---------------------------------------------------------------- records

    def accept(self, record_id: bytes, data: bytes) -> None:
        """Keep a record as it stands, before the caller has all of the reply. `publish` or `abandon` has to follow."""
        self.backpressure.accepted(record_id, len(data))
        if self._backlog.journal is not None and not self._backlog.keep(ACCEPTED, record_id, data):
            self._errors.error("cannot write record to the journal", self._backlog.kept_fault)

    def abandon(self, record_id: bytes) -> None:
        """There will be no final record. The one that was accepted is published in its place."""
        self.backpressure.finalized(record_id)
        if self._backlog.wait_as_accepted(record_id):
            self._redelivery.wake()

    def publish(self, record_id: bytes, data: bytes) -> None:
        """Publish the final record, now or as soon as the bus is there."""
        self.backpressure.finalized(record_id)
        publisher = self._publisher
        if publisher.is_held_up:
            self._postpone(record_id, data, publisher.breaker.reason or publisher.stream.reason)
        elif self.backpressure.bus_is_full:
            self._postpone(record_id, data, "")
        else:
            try:
                if not publisher.send(record_id, data):
                    self._backlog.acknowledge(record_id)
            except BusError as error:
                self._postpone(record_id, data, str(error))

    def _on_result(self, record_id: bytes, data: bytes, error: BusError | None) -> None:
        """The bus has answered, or did not in time."""
        if error is None:
            self._backlog.acknowledge(record_id)
        else:
            self._postpone(record_id, data, str(error))

    def _postpone(self, record_id: bytes, data: bytes, reason: str) -> None:
        """The record has to wait. `reason` is empty if nothing is wrong, only much is under way."""
        backlog, errors, shortened = self._backlog, self._errors, self._backlog.shortened
        added = backlog.add(record_id, data)
        if backlog.shortened > shortened:
            errors.error(
                "records kept without payloads, journal and memory are full", reason, shortened=backlog.shortened
            )
        if not added:
            errors.error("record lost, bus unavailable and journal and memory full", reason, lost=backlog.lost)
            self._on_loss(f"{backlog.lost} records lost: {reason or backlog.kept_fault}")
        elif backlog.held:
            errors.error("cannot write record to the journal", backlog.kept_fault)
        if reason:
            errors.error("record not published, retrying", reason)
        self._update_backpressure()
        self._redelivery.wake()

    def _update_backpressure(self) -> None:
        """Tell those who begin calls what to wait for."""
        is_held_up = self._publisher.is_held_up
        # While the bus takes nothing, waiting would help nobody: the journal keeps what it can.
        is_tight = not is_held_up and self._redelivery.failures == 0 and self._backlog.is_tight
        self.backpressure.update(bypasses_bus=is_held_up, is_tight=is_tight)


def _open(root: Path, limit: int) -> Journal | None:
    try:
        return Journal(root, limit)
    except OSError as error:
        log.error("cannot open journal, records are lost if gl crashes", folder=str(root), reason=error.strerror)
        return None
