"""The recorder: takes records, keeps them in the journal, publishes them, and lets go of what the bus has.

`accept` comes before the last byte of a reply, `publish` after it. What cannot be published waits in the backlog and is
published when the bus takes it, about in order; so is what a dead process left. While the bus does not acknowledge, the
breaker is open: records go to the backlog at once, and nobody waits for the bus.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from functools import partial
from typing import TYPE_CHECKING

from gecholog import recordlog
from gecholog.errors import BusError, MessageTooLarge, NotJson
from gecholog.log_throttle import LogThrottle
from gecholog.logs import Log
from services.gl.record.delivery.adoption import Adoption
from services.gl.record.delivery.backlog import Backlog
from services.gl.record.delivery.backpressure import Backpressure
from services.gl.record.delivery.breaker import Breaker, pause
from services.gl.record.delivery.report import Report
from services.gl.record.delivery.stream import RecordStream, refusal
from services.gl.record.delivery.trouble import Sight, Stall
from services.gl.record.delivery.unfinished import recovered
from services.gl.record.journal.entry import ACCEPTED
from services.gl.record.journal.journal import Journal, JournalDamaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gecholog.bus import Bus
    from gecholog.recordlog import Limits
    from gecholog.recordstatus import RecordStatusFile
    from services.gl.record.journal.entry import Kept

log = Log("records")

_SHORT = 16 * 1024  # bytes of a record that there is little room for
_NO_ROOM = "because neither the bus nor the journal had room"
_ACK_TIMEOUT = 5.0  # seconds
_AT_ONCE = 64  # records of the backlog that are under way at the same time,
_BYTES_AT_ONCE = 16 * 1024 * 1024  # and their bytes: JetStream refuses what it cannot buffer
_SAY_SO_EVERY = 60.0  # seconds
_OBSERVE_EVERY = 0.5  # seconds
_LOOK_EVERY = 0.01  # seconds between looks at what is not confirmed, at the end
_NOTED_WITHIN = 0.02  # seconds until the journal notes a release, if nothing else is written to it before
_HEADERS_SIZE = 256  # bytes of a message that its headers may take: they count as part of it

_DIED = "the gateway ended before the record was final"
_UNFINISHED = "the record could not be completed or kept, this is what was kept before the reply"


class Recorder:
    """Brings records to the bus. One for the life of the gateway; `publish_to` says which bus, and where on it."""

    def __init__(
        self,
        root: Path,
        journal_limit: int,
        fit: Callable[[bytes, int, str], bytes],
        status_file: RecordStatusFile | None = None,
        on_loss: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`root` is the journal's folder. `fit` makes a record that is too large smaller, and notes why in it.

        `status_file` is for others to read how the records fare; `on_loss` is told of each loss.
        """
        self.backpressure = Backpressure()
        self._root = root
        self._fit = fit
        self._on_loss = on_loss
        self._backlog = Backlog(self._open(journal_limit), lambda data: fit(data, _SHORT, _NO_ROOM))
        self._bus: Bus | None = None
        self._subject = ""
        self._limits: Limits | None = None
        self._stream = RecordStream()
        self._breaker = Breaker()
        self._held_up = False  # records go to the backlog: the breaker is open, or there should be a stream and is none
        self._refused = ""  # why the stream refused a record, if it has taken none since
        self._acknowledged = 0  # how many records, or refusals,
        self._seen = 0  # and when we looked last
        self._probed = False  # the breaker is open, and another try was not answered either
        self._failures = 0  # tries in a row that did not bring all of a batch to the bus
        self._throttle = LogThrottle(_SAY_SO_EVERY)
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()  # there is no need to wait for the next try
        self._draining = asyncio.Lock()
        self._adoption = Adoption(root, partial(self._deliver, details=_DIED), self._may_go_on)
        self._damaged = 0  # copies in the journal that could not be read
        self._unconfirmed: dict[bytes, bytes] = {}  # published, and the bus has not said yet that it has them
        self._noting: asyncio.TimerHandle | None = None
        self._stall = Stall()
        self._report = Report(status_file)

    def _open(self, limit: int) -> Journal | None:
        try:
            return Journal(self._root, limit)
        except OSError as error:
            log.error("no journal: records of a crash would be lost", folder=str(self._root), reason=error.strerror)
            return None

    # ------------------------------------------------------------------- life

    async def publish_to(self, bus: Bus, subject: str, limits: Limits | None) -> None:
        """Publish to this bus and subject from now on; asks at every connection for the stream that keeps records."""
        if bus is not self._bus:
            self._stream = RecordStream()
            bus.on_connect(self._on_connect)
        self._bus, self._subject, self._limits = bus, subject, limits
        if bus.connected:
            await self._on_connect(bus)

    async def _on_connect(self, bus: Bus) -> None:
        if bus is self._bus:
            self._stream.connected()
            self._adoption.look_again()
            await self._prepare(bus)
            self._hurry.set()
            self._wake.set()

    async def _prepare(self, bus: Bus) -> None:
        stream = self._stream
        await stream.prepare(bus, self._subject, self._limits)
        if stream.is_missing:
            self._complain("record stream missing, records wait", stream.reason)
        self._steer()

    def resize(self, journal_limit: int) -> None:
        """Change the most bytes that the journal keeps."""
        if self._backlog.journal is not None:
            self._backlog.journal.limit = journal_limit

    @property
    def largest(self) -> int:
        """Bytes that a record may have now."""
        return (self._bus.max_payload if self._bus else 1024 * 1024) - _HEADERS_SIZE

    async def run(self) -> None:
        """Publish what is waiting, whenever the bus is there, and look after it. Runs until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish_backlog(), name="backlog")
            tasks.create_task(self._observe(), name="record status")

    async def _publish_backlog(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._hurry.clear()
            if await self._publish_what_waits():
                self._failures = 0
            else:
                await self._rest()
                self._wake.set()

    async def _publish_what_waits(self) -> bool:
        """Bring to the bus what dead processes left, and the backlog; False if some of it has to wait."""
        bus = self._bus
        if bus is None or not bus.connected:
            return False
        if self._stream.is_missing:
            await self._prepare(bus)
        done = not self._stream.is_missing and await self._adopt() and await self._drain()
        if not done and bus.connected:
            self._backlog.settle()
            await self._prepare(bus)  # the stream may have been removed
        return done

    async def _adopt(self) -> bool:
        """Publish what dead processes left; False if some of it has to wait."""
        journal = self._backlog.journal
        return journal is None or await self._adoption.publish_all(journal.folder)

    async def _rest(self) -> None:
        """Wait before the next try, ever longer; a new connection ends that."""
        seconds = pause(self._failures, random.random())  # noqa: S311 - spreads attempts, guards nothing
        self._failures += 1
        self._steer()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    async def stop(self, seconds: float) -> None:
        """Publish what is waiting, if that is possible soon; the rest stays in the journal for the next start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._drain()
                while self._unconfirmed or self._backlog.held:
                    await asyncio.sleep(_LOOK_EVERY)
                    if self._backlog.held:
                        await self._drain()
        unconfirmed, self._unconfirmed = self._unconfirmed, {}  # what is said of them from now on comes too late
        for record_id, data in unconfirmed.items():
            self._postpone(record_id, data, "the gateway ends")
        if self._noting is not None:
            self._noting.cancel()
        self._backlog.close()
        self._look(time.monotonic())
        journal = self._backlog.journal
        if journal is not None:
            if len(journal):
                log.warning("records wait in the journal for the next start", records=len(journal))
            journal.close()

    # ---------------------------------------------------------------- records

    def accept(self, record_id: bytes, data: bytes) -> None:
        """Keep a record as it stands, before the caller has all of the reply. `publish` or `abandon` has to follow."""
        self.backpressure.accepted(record_id, len(data))
        self._keep(ACCEPTED, record_id, data)

    def abandon(self, record_id: bytes) -> None:
        """There will be no final record. The one that was accepted is published in its place."""
        self.backpressure.finalized(record_id)
        if self._backlog.wait_as_accepted(record_id):
            self._wake.set()

    def publish(self, record_id: bytes, data: bytes) -> None:
        """Publish the final record, now or as soon as the bus is there."""
        self.backpressure.finalized(record_id)
        if self._held_up:
            self._postpone(record_id, data, self._breaker.reason or self._stream.reason)
        elif self.backpressure.bus_is_full:
            self._postpone(record_id, data, "")
        else:
            try:
                self._send(record_id, data)
            except BusError as error:
                self._postpone(record_id, data, str(error))

    def _send(self, record_id: bytes, data: bytes) -> None:
        """Publish; with JetStream, the word that the record is kept is `_heard`. Raises BusError."""
        bus, block = self._required_bus(), recordlog.identified(record_id)
        if self._stream.is_durable:
            bus.ask(self._subject, data, _ACK_TIMEOUT, partial(self._heard, record_id), block, lazily=True)
            self._unconfirmed[record_id] = data
            self.backpressure.sent(record_id, len(data))
        else:
            bus.tell(self._subject, data, block, lazily=True)
            self._release(record_id)

    def _heard(self, record_id: bytes, answer: bytes | BusError) -> None:
        """The bus's word on a record."""
        data = self._unconfirmed.pop(record_id, None)
        if data is None:
            return
        self.backpressure.answered(record_id)
        error = self._judged(answer)
        if error is None:
            self._release(record_id)
        else:
            self._postpone(record_id, data, str(error))

    def _judged(self, answer: bytes | BusError) -> BusError | None:
        """What is wrong, if the stream does not have the record; the breaker hears of it, too."""
        if isinstance(answer, BusError):
            self._probed = self._breaker.is_open
            self._stream.answers = False  # until it is asked again
            self._breaker.failed(str(answer), time.monotonic())
            self._steer()
            return answer
        error = refusal(answer)
        self._acknowledged += 1
        if error is not None or self._refused or self._held_up:
            self._answers(error)
        return error

    def _answers(self, error: BusError | None) -> None:
        """The stream answers after trouble, or refuses a record; a refusal is an answer too."""
        self._refused = "" if error is None else str(error)
        self._breaker.close()
        self._steer()

    def _postpone(self, record_id: bytes, data: bytes, reason: str) -> None:
        """The record has to wait. `reason` is empty if nothing is wrong, only much is under way."""
        backlog, shortened = self._backlog, self._backlog.shortened
        added = backlog.add(record_id, data)
        if backlog.shortened > shortened:
            self._complain("records kept without payloads: no room", reason, shortened=backlog.shortened)
        if not added:
            self._complain("record lost: neither the bus, the journal nor memory takes it", reason, lost=backlog.lost)
            self._on_loss(f"{backlog.lost} records lost: {reason or backlog.kept_fault}")
        elif backlog.held:
            self._complain("record not kept in the journal", backlog.kept_fault)
        if reason:
            self._complain("record not published yet", reason)
        self._steer()
        self._wake.set()

    def _steer(self) -> None:
        """Tell those who begin calls what to wait for."""
        self._held_up = self._breaker.is_open or self._stream.is_missing
        # While the bus gives nothing, waiting would help nobody: the journal keeps what it can.
        is_tight = not self._held_up and self._failures == 0 and self._backlog.is_tight
        self.backpressure.update(bypasses_bus=self._held_up, is_tight=is_tight)

    def _release(self, record_id: bytes) -> None:
        """The record is where it belongs. The journal's note of that leaves soon, with others."""
        journal = self._backlog.journal
        if journal is not None and journal.release(record_id) and self._noting is None:
            self._noting = asyncio.get_running_loop().call_later(_NOTED_WITHIN, self._note)

    def _note(self) -> None:
        self._noting = None
        if self._backlog.journal is not None:
            self._backlog.journal.flush()

    def _keep(self, kind: bytes, record_id: bytes, data: bytes) -> None:
        """Put a record into the journal; says why if that is not possible."""
        if self._backlog.journal is not None and not self._backlog.keep(kind, record_id, data):
            self._complain("record not kept in the journal", self._backlog.kept_fault)

    def _complain(self, message: str, reason: str, **fields: object) -> None:
        """Log an error, but not once a call."""
        if self._throttle.admit(message):
            log.error(message, reason=reason, waiting=len(self._backlog), **fields)

    def _required_bus(self) -> Bus:
        if self._bus is None:
            raise BusError("not started")
        return self._bus

    # -------------------------------------------------------------- the backlog

    async def _drain(self) -> bool:
        """Publish the backlog, about in order, as long as that works. False if some of it has to wait."""
        async with self._draining:
            while self._backlog:
                if self._stream.is_missing or not await self._publish_some():
                    return False
                self._failures = 0
                self._steer()
        return True

    async def _publish_some(self) -> bool:
        """Publish a batch; one record alone while the breaker is open. False if some of it has to wait."""
        batch = self._backlog.next(1 if self._breaker.is_open else _AT_ONCE, _BYTES_AT_ONCE)
        done = await asyncio.gather(*(self._again(record_id) for record_id in batch))
        return all(done)

    async def _again(self, record_id: bytes) -> bool:
        """Publish a record of the backlog; False if it has to wait."""
        try:
            kept = self._backlog.get(record_id)
        except (OSError, JournalDamaged) as error:
            log.error("record dropped: the journal's copy cannot be read", record_id=record_id.hex(), reason=str(error))
            self._damaged += 1
            kept = None
        if kept is not None and not await self._deliver(kept, _UNFINISHED):
            self._backlog.put_last(record_id)
            return False
        self._backlog.remove(record_id)
        self._release(record_id)
        return True

    async def _deliver(self, kept: Kept, details: str) -> bool:
        """Publish a record out of the backlog or of an old journal; False if it has to wait."""
        try:
            data = recovered(kept.data, details) if kept.recovered else kept.data
            data = self._fit(data, self.largest, f"to fit the bus's {self.largest}")
            await self._publish_and_wait(kept.record_id, data)
        except NotJson:  # as only a disk that lost something could have it
            log.error("record dropped: the journal's copy is damaged", record_id=kept.record_id.hex())
            self._damaged += 1
        except MessageTooLarge as error:
            log.error("record dropped: too large for the bus", record_id=kept.record_id.hex(), reason=str(error))
        except BusError as error:
            self._complain("record not published yet", str(error))
            return False
        return True

    def _may_go_on(self) -> bool:
        return self._bus is not None and self._bus.connected and not self._held_up

    async def _publish_and_wait(self, record_id: bytes, data: bytes) -> None:
        """Publish, and with JetStream wait for the word that the record is kept. Raises BusError."""
        bus, block = self._required_bus(), recordlog.identified(record_id)
        if not self._stream.is_durable:
            await bus.publish(self._subject, data, block, lazily=True)
            return
        self.backpressure.sent(record_id, len(data))
        try:
            answer: bytes | BusError = await bus.request(self._subject, data, _ACK_TIMEOUT, block, lazily=True)
        except MessageTooLarge:
            raise
        except BusError as error:
            answer = error
        finally:
            self.backpressure.answered(record_id)
        if (refused := self._judged(answer)) is not None:
            raise refused

    # -------------------------------------------------------------- how it goes

    async def _observe(self) -> None:
        while True:
            self._look(time.monotonic())
            await asyncio.sleep(_OBSERVE_EVERY)

    def _look(self, now: float) -> None:
        """Open the breaker if the bus is silent, and report what has changed."""
        if self._acknowledged != self._seen:
            self._seen = self._acknowledged
            self._breaker.acknowledged(now)
        if self._stall.looked(now, unconfirmed=len(self._unconfirmed), acknowledged=self._acknowledged):
            self._breaker.trip("the bus does not acknowledge records")
            self._steer()
        self._report.look(now, self._sight())

    def _sight(self) -> Sight:
        breaker, stream, backlog = self._breaker, self._stream, self._backlog
        connected = self._bus is not None and self._bus.connected
        if not connected:
            trouble = "no connection to the bus, records wait"
        elif stream.is_missing:
            trouble = f"the record stream is missing, records wait: {stream.reason}"
        elif breaker.is_open:
            trouble = f"the record stream does not acknowledge, records wait: {breaker.reason}"
        else:
            trouble = f"records wait: {self._refused}" if self._refused and backlog else ""
        stalled = connected and (stream.vanished or (breaker.is_open and self._probed and stream.answers))
        return Sight(trouble, stalled, len(backlog), backlog.held, backlog.lost, self._damaged + self._adoption.damaged)
