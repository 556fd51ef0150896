"""Publishes the backlog, and what dead processes left, whenever the bus takes records."""

from __future__ import annotations

import asyncio
import contextlib
import random
from functools import partial
from typing import TYPE_CHECKING

from gecholog.errors import BusError, MessageTooLarge, NotJson
from gecholog.logs import Log
from services.gl.record.delivery.adoption import Adoption
from services.gl.record.delivery.breaker import pause
from services.gl.record.delivery.unfinished import recovered
from services.gl.record.fitting import fitted
from services.gl.record.journal.journal import JournalDamaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.gl.record.delivery.backlog import Backlog
    from services.gl.record.delivery.error_log import ErrorLog
    from services.gl.record.delivery.publisher import Publisher
    from services.gl.record.journal.entry import UnackedRecord

log = Log("records")

_MOST_AT_ONCE = 64  # records of the backlog that are sent and not answered,
_MOST_BYTES_AT_ONCE = 16 * 1024 * 1024  # and their bytes: JetStream refuses what it cannot buffer

_DIED = "the gateway ended before the record was final"
_UNFINISHED = "the record could not be completed or kept, this is what was kept before the reply"


class Redelivery:
    """Empties the backlog, about in order. A record that the bus refuses goes behind the others."""

    def __init__(
        self,
        root: Path,
        backlog: Backlog,
        publisher: Publisher,
        errors: ErrorLog,
        on_change: Callable[[], None],
    ) -> None:
        """`root` holds all journals. `on_change` is called when the backlog begins or stops to shrink."""
        self.failures = 0  # tries in a row that did not bring all of a batch to the bus
        self._damaged = 0  # copies in our journal that could not be read
        self._backlog = backlog
        self._publisher = publisher
        self._errors = errors
        self._on_change = on_change
        self._adoption = Adoption(root, partial(self._deliver, details=_DIED), self._may_go_on)
        self._wake = asyncio.Event()  # something may be there to do
        self._hurry = asyncio.Event()  # there is no need to wait for the next try
        self._draining = asyncio.Lock()

    @property
    def damaged(self) -> int:
        """Places in all journals that could not be read."""
        return self._damaged + self._adoption.damaged

    def wake(self) -> None:
        """A record is in the backlog."""
        self._wake.set()

    def connected(self) -> None:
        """The bus is there. Another process may have died since it was the last time."""
        self._adoption.look_again()
        self._hurry.set()
        self._wake.set()

    async def run(self) -> None:
        """Publish what waits, again and again. Runs until it is cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._hurry.clear()
            if await self._publish_all():
                self.failures = 0
            else:
                await self._rest()
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
        """Publish what dead processes left, and the backlog. Returns False if some of it has to wait."""
        publisher = self._publisher
        if not publisher.is_connected:
            return False
        if publisher.stream.is_missing:
            await publisher.prepare()
        done = not publisher.stream.is_missing and await self._adopt() and await self.drain()
        if not done and publisher.is_connected:
            self._backlog.settle()
            await publisher.prepare()  # the stream may have been removed
        return done

    async def _adopt(self) -> bool:
        """Publish what dead processes left. Returns False if some of it has to wait."""
        journal = self._backlog.journal
        return journal is None or await self._adoption.publish_all(journal.folder)

    async def _rest(self) -> None:
        """Wait before the next try, ever longer; a new connection ends that."""
        seconds = pause(self.failures, random.random())  # noqa: S311 - spreads attempts, guards nothing
        self.failures += 1
        self._on_change()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

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
            self._backlog.put_last(record_id)
            return False
        self._backlog.remove(record_id)
        self._backlog.acknowledge(record_id)
        return True

    async def _deliver(self, kept: UnackedRecord, details: str) -> bool:
        """Publish a record of the backlog or of an old journal. Returns False if it has to wait.

        `details` say why the record is not final, should it not be.
        """
        largest = self._publisher.largest
        try:
            data = recovered(kept.data, details) if kept.recovered else kept.data
            data = fitted(data, largest, f"to fit the bus's {largest}")
            await self._publisher.send_and_wait(kept.record_id, data)
        except NotJson:  # as only a disk that lost something could have it
            log.error("record dropped, its journal entry is corrupt", record_id=kept.record_id.hex())
            self._damaged += 1
        except MessageTooLarge as error:
            log.error("record dropped, too large for the bus", record_id=kept.record_id.hex(), reason=str(error))
        except BusError as error:
            self._errors.error("record not published, retrying", str(error))
            return False
        return True

    def _may_go_on(self) -> bool:
        return self._publisher.is_connected and not self._publisher.is_held_up
