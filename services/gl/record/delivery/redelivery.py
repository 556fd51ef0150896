"""Publishes the backlog, and the records of dead processes, whenever the bus accepts records."""

from __future__ import annotations

import asyncio
import contextlib
import random
from functools import partial
from typing import TYPE_CHECKING

from gecholog.errors import BusError, MessageTooLarge, NotJson
from gecholog.logs import Log
from services.gl.record.delivery.bus_breaker import retry_pause
from services.gl.record.delivery.orphan_delivery import OrphanDelivery
from services.gl.record.delivery.recovery_note import recovered
from services.gl.record.fitting import shrink
from services.gl.record.journal.journal import JournalDamaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.gl.record.delivery.backlog import Backlog
    from services.gl.record.delivery.error_log import ErrorLog
    from services.gl.record.delivery.publisher import Publisher
    from services.gl.record.journal.entry import UnackedRecord

log = Log("records")

_MOST_AT_ONCE = 64  # records in flight,
_MOST_BYTES_AT_ONCE = 16 * 1024 * 1024  # and their bytes: JetStream refuses more than it can buffer

_DIED = "the gateway ended before the record was final"
_UNFINISHED = "the record could not be completed or kept, this is what was kept before the reply"


class Redelivery:
    """Publishes the backlog, roughly in order. A record that the bus refuses goes to the end of the queue."""

    def __init__(
        self,
        root: Path,
        backlog: Backlog,
        publisher: Publisher,
        errors: ErrorLog,
        on_change: Callable[[], None],
    ) -> None:
        """`root` holds all journals. `on_change` is called when the backlog starts or stops shrinking."""
        self.failures = 0  # consecutive tries after which some records of a batch still wait
        self._damaged = 0  # entries of our journal that could not be read
        self._backlog = backlog
        self._publisher = publisher
        self._errors = errors
        self._on_change = on_change
        self._orphans = OrphanDelivery(root, partial(self._deliver, details=_DIED), self._can_publish)
        self._wake = asyncio.Event()  # there may be records to publish
        self._retry_now = asyncio.Event()  # ends the pause before the next retry
        self._draining = asyncio.Lock()

    @property
    def damaged(self) -> int:
        """The number of damaged places in all journals."""
        return self._damaged + self._orphans.damaged

    def wake(self) -> None:
        """Publish soon: a record was added to the backlog."""
        self._wake.set()

    def connected(self) -> None:
        """Retry now: the bus is connected. Rescans for dead processes."""
        self._orphans.rescan()
        self._retry_now.set()
        self._wake.set()

    async def run(self) -> None:
        """Publish waiting records until it is cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._retry_now.clear()
            if await self._publish_all():
                self.failures = 0
            else:
                await self._wait_for_retry()
                self._wake.set()

    async def drain(self) -> bool:
        """Publish the backlog as long as that works. Returns False if some of it has to wait."""
        async with self._draining:
            while self._backlog:
                if self._publisher.stream.is_missing or not await self._publish_some():
                    return False
                self.failures = 0
                self._on_change()
        return True

    async def _publish_all(self) -> bool:
        """Publish the records of dead processes, then the backlog. Returns False if some have to wait."""
        publisher = self._publisher
        if not publisher.is_connected:
            return False
        if publisher.stream.is_missing:
            await publisher.prepare()
        done = not publisher.stream.is_missing and await self._publish_orphans() and await self.drain()
        if not done and publisher.is_connected:
            self._backlog.move_to_journal()
            await publisher.prepare()  # the stream may have been removed
        return done

    async def _publish_orphans(self) -> bool:
        """Publish the records of dead processes. Returns False if some have to wait."""
        journal = self._backlog.journal
        return journal is None or await self._orphans.publish_all(journal.folder)

    async def _wait_for_retry(self) -> None:
        """Wait before the next try, longer after each failure, until a new connection."""
        seconds = retry_pause(self.failures, random.random())  # noqa: S311 - spreads attempts, guards nothing
        self.failures += 1
        self._on_change()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._retry_now.wait()

    async def _publish_some(self) -> bool:
        """Publish a batch; one record alone while the breaker is open. Returns False if some of it has to wait."""
        most = 1 if self._publisher.breaker.is_open else _MOST_AT_ONCE
        batch = self._backlog.next(most, _MOST_BYTES_AT_ONCE)
        done = await asyncio.gather(*(self._publish_one(record_id) for record_id in batch))
        return all(done)

    async def _publish_one(self, record_id: bytes) -> bool:
        """Publish a record of the backlog. Returns False if it has to wait."""
        try:
            kept = self._backlog.get(record_id)
        except (OSError, JournalDamaged) as error:
            log.error("record dropped, cannot read it from the journal", record_id=record_id.hex(), reason=str(error))
            self._damaged += 1
            kept = None
        if kept is not None and not await self._deliver(kept, _UNFINISHED):
            self._backlog.move_to_end(record_id)
            return False
        self._backlog.remove(record_id)
        self._backlog.acknowledge(record_id)
        return True

    async def _deliver(self, kept: UnackedRecord, details: str) -> bool:
        """Publish a record of the backlog or of a dead process. Returns False if it has to wait.

        `details` is the note for a record that is not final.
        """
        largest = self._publisher.largest
        try:
            data = recovered(kept.data, details) if kept.recovered else kept.data
            data = shrink(data, largest, f"to fit the bus's {largest}")
            await self._publisher.send_and_wait(kept.record_id, data)
        except NotJson:  # only a failing disk can cause this
            log.error("record dropped, its journal entry is corrupt", record_id=kept.record_id.hex())
            self._damaged += 1
        except MessageTooLarge as error:
            log.error("record dropped, too large for the bus", record_id=kept.record_id.hex(), reason=str(error))
        except BusError as error:
            self._errors.error("record not published, retrying", str(error))
            return False
        return True

    def _can_publish(self) -> bool:
        return self._publisher.is_connected and not self._publisher.is_paused
