"""The recorder: takes records, keeps them in the journal, publishes them, and lets go of what the bus has.

`accept` comes before the last byte of a reply, `publish` after it. What cannot be published waits in the journal and is
published when the bus is back, about in order; so is what a dead process left.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from gecholog import rawjson, recordlog
from gecholog.errors import BusError, GechologError, MessageTooLarge, NotJson
from gecholog.logs import Log
from services.gl.records import orphans
from services.gl.records.capacity import Capacity
from services.gl.records.entry import ACCEPTED, FINAL, Kept
from services.gl.records.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gecholog.bus import Bus
    from gecholog.record import Fields
    from gecholog.recordlog import Limits

log = Log("records")

_ACK_TIMEOUT = 5.0  # seconds
_AGAIN_AFTER = 1.0  # seconds between looks at what could not be published
_AT_ONCE = 64  # records of the backlog that are under way at the same time
_SAY_SO_EVERY = 60.0  # seconds
_LOOK_EVERY = 0.01  # seconds between looks at what is not confirmed, at the end
_NOTED_WITHIN = 0.02  # seconds until the journal notes a release, if nothing else is written to it before
_HEADERS_SIZE = 256  # bytes of a message that its headers may take: they count as part of it


class Recorder:
    """Brings records to the bus. One for the life of the gateway; `publish_to` says which bus, and where on it."""

    def __init__(self, root: Path, journal_limit: int, fit: Callable[[bytes, int], bytes]) -> None:
        """`root` is the journal's folder; `fit` makes a record that is too large smaller."""
        self.capacity = Capacity()
        self._root = root
        self._fit = fit
        self._journal = self._open(journal_limit)
        self._bus: Bus | None = None
        self._subject = ""
        self._limits: Limits | None = None
        self._durable = True  # until the bus says otherwise: what is not confirmed waits
        self._has_kept = False
        self._said: dict[str, float] = {}  # when each complaint was last logged
        self._waiting: dict[bytes, None] = {}
        self._wake = asyncio.Event()
        self._orphans_left = True
        self._unconfirmed: dict[bytes, bytes] = {}  # published, and the bus has not said yet that it has them
        self._noting: asyncio.TimerHandle | None = None
        self._last_tries: dict[bytes, asyncio.Task[None]] = {}

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
            self._durable, self._has_kept = True, False
            bus.on_connect(self._on_connect)
        self._bus, self._subject, self._limits = bus, subject, limits
        if bus.connected:
            await self._prepare(bus)

    async def _on_connect(self, bus: Bus) -> None:
        if bus is self._bus:
            await self._prepare(bus)

    def resize(self, journal_limit: int) -> None:
        """Change the most bytes that the journal keeps."""
        if self._journal is not None:
            self._journal.limit = journal_limit

    @property
    def largest(self) -> int:
        """Bytes that a record may have now."""
        return (self._bus.max_payload if self._bus else 1024 * 1024) - _HEADERS_SIZE

    async def run(self) -> None:
        """Publish what is waiting, whenever the bus is there. Runs until it is cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._bus is not None and self._bus.connected:
                await self._adopt()
                await self._drain()
            if self._waiting or self._orphans_left:
                await asyncio.sleep(_AGAIN_AFTER)
                self._wake.set()

    async def stop(self, seconds: float) -> None:
        """Publish what is waiting, if that is possible soon; the rest stays in the journal for the next start."""
        try:
            async with asyncio.timeout(seconds):
                await self._drain()
                while self._unconfirmed or self._last_tries:  # noqa: ASYNC110 - once in a process's life
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError:
            pass
        unconfirmed, self._unconfirmed = self._unconfirmed, {}  # what is said of them from now on comes too late
        for record_id, data in unconfirmed.items():
            self._keep(FINAL, record_id, data)
        if self._noting is not None:
            self._noting.cancel()
        if self._journal is not None:
            if len(self._journal):
                log.warning("records wait in the journal for the next start", records=len(self._journal))
            self._journal.close()

    # ---------------------------------------------------------------- records

    def accept(self, record_id: bytes, data: bytes) -> None:
        """Keep a record as it stands, before the caller has all of the reply. `publish` or `abandon` has to follow."""
        self.capacity.accept(record_id, len(data))
        self._keep(ACCEPTED, record_id, data)

    def abandon(self, record_id: bytes) -> None:
        """There will be no final record. The one that was accepted is published at the next start."""
        self.capacity.conclude(record_id)

    def publish(self, record_id: bytes, data: bytes) -> None:
        """Publish the final record, now or as soon as the bus is there."""
        self.capacity.conclude(record_id)
        try:
            self._send(record_id, data)
        except BusError as error:
            self._postpone(record_id, data, error)

    def _send(self, record_id: bytes, data: bytes) -> None:
        """Publish; with JetStream, the word that the record is kept is `_heard`. Raises BusError."""
        bus, block = self._required_bus(), recordlog.identified(record_id)
        if self._durable:
            bus.ask(self._subject, data, _ACK_TIMEOUT, partial(self._heard, record_id), block, lazily=True)
            self._unconfirmed[record_id] = data
            self.capacity.publish(record_id, len(data))
        else:
            bus.tell(self._subject, data, block, lazily=True)
            self._release(record_id)

    def _heard(self, record_id: bytes, answer: bytes | BusError) -> None:
        """The bus's word on a record."""
        data = self._unconfirmed.pop(record_id, None)
        if data is None:
            return
        self.capacity.arrive(record_id)
        error = answer if isinstance(answer, BusError) else _refusal(answer)
        if error is None:
            self._release(record_id)
        else:
            self._postpone(record_id, data, error)

    def _postpone(self, record_id: bytes, data: bytes, error: BusError) -> None:
        if self._keep(FINAL, record_id, data):
            self._waiting[record_id] = None
            self._wake.set()
        elif record_id not in self._last_tries:
            self._last_tries[record_id] = asyncio.create_task(self._try_once_more(record_id, data), name="record")
        self._complain("record not published yet", str(error))

    async def _try_once_more(self, record_id: bytes, data: bytes) -> None:
        """A record that the journal does not take: a bus that is slow for a moment must not cost it."""
        self.capacity.publish(record_id, len(data))
        try:
            await self._publish_and_wait(record_id, data)
        except BusError as error:
            self._complain("record lost: neither the bus nor the journal takes it", str(error))
        finally:
            del self._last_tries[record_id]
            self.capacity.arrive(record_id)

    def _release(self, record_id: bytes) -> None:
        """The record is where it belongs. The journal's note of that leaves soon, with others."""
        journal = self._journal
        if journal is not None and journal.release(record_id) and self._noting is None:
            self._noting = asyncio.get_running_loop().call_later(_NOTED_WITHIN, self._note)

    def _note(self) -> None:
        self._noting = None
        if self._journal is not None:
            self._journal.flush()

    def _keep(self, kind: bytes, record_id: bytes, data: bytes) -> bool:
        """Put a record into the journal; says why if that is not possible."""
        if self._journal is None:
            return False
        try:
            self._journal.append(kind, record_id, data)
        except (OSError, GechologError) as error:
            self._complain("record not kept in the journal", str(error))
            return False
        return True

    def _complain(self, message: str, reason: str) -> None:
        """Log an error, but not once a call."""
        now = time.monotonic()
        if now - self._said.get(message, -_SAY_SO_EVERY) >= _SAY_SO_EVERY:
            self._said[message] = now
            log.error(message, reason=reason, waiting=len(self._waiting))

    # -------------------------------------------------------------- publishing

    async def _prepare(self, bus: Bus) -> None:
        """Find out whether the bus keeps records. Until that is known, what was true before is taken to be true."""
        try:
            kept = await recordlog.ensure(bus, self._subject, self._limits)
        except recordlog.NoRecordLog:
            if self._has_kept:  # a server that has just started answers like that, too
                self._complain("the stream of records is not there, records wait", "no answer from JetStream")
            elif self._durable:
                self._durable = False
                log.warning("the bus has no JetStream: records reach only those who listen at the moment")
        except BusError as error:
            self._complain("the stream of records is not there, records wait", str(error))
            self._durable = True  # it should be: publishing fails until it is
        else:
            if not (self._durable and self._has_kept):
                log.info("records are kept", stream=kept.name)
            self._durable = self._has_kept = True
        self._wake.set()

    async def _publish_and_wait(self, record_id: bytes, data: bytes) -> None:
        """Publish, and with JetStream wait for the word that the record is kept. Raises BusError."""
        bus, block = self._required_bus(), recordlog.identified(record_id)
        if not self._durable:
            await bus.publish(self._subject, data, block, lazily=True)
            return
        if error := _refusal(await bus.request(self._subject, data, _ACK_TIMEOUT, block, lazily=True)):
            raise error

    def _required_bus(self) -> Bus:
        if self._bus is None:
            raise BusError("not started")
        return self._bus

    async def _drain(self) -> None:
        """Publish what waits in the journal, in order, as long as that works."""
        while self._waiting and self._journal is not None:
            batch = list(self._waiting)[:_AT_ONCE]
            done = await asyncio.gather(*(self._again(record_id) for record_id in batch))
            if not all(done):
                if self._bus is not None and self._bus.connected:
                    await self._prepare(self._bus)  # the stream may have been removed
                return

    async def _again(self, record_id: bytes) -> bool:
        journal = self._journal
        kept = journal.get(record_id) if journal is not None else None
        if kept is not None and not await self._deliver(kept):
            # to the end: one that is refused for good must not hold up those behind it
            if record_id in self._waiting:  # at the end of the process `stop` may have been quicker
                self._waiting[record_id] = self._waiting.pop(record_id)
            return False
        self._waiting.pop(record_id, None)
        self._release(record_id)
        return True

    async def _deliver(self, kept: Kept) -> bool:
        """Publish a record out of a journal; False if it has to wait."""
        try:
            data = self._fit(_recovered(kept.data) if kept.recovered else kept.data, self.largest)
            await self._publish_and_wait(kept.record_id, data)
        except NotJson:  # as only a disk that lost something could have it
            log.error("record dropped: the journal's copy is damaged", record_id=kept.record_id.hex())
        except MessageTooLarge as error:
            log.error("record dropped: too large for the bus", record_id=kept.record_id.hex(), reason=str(error))
        except BusError as error:
            self._complain("record not published yet", str(error))
            return False
        return True

    async def _adopt(self) -> None:
        """Publish what dead processes left."""
        left = False
        for folder in orphans.folders(self._root, self._journal.folder) if self._journal is not None else ():
            try:
                left = not await self._adopt_from(folder) or left
            except OSError as error:
                log.error("journal of a dead process not readable", folder=str(folder), reason=error.strerror)
            if self._bus is None or not self._bus.connected:
                left = True
                break
        self._orphans_left = left

    async def _adopt_from(self, folder: Path) -> bool:
        """Publish what a dead process left; False if some of it has to wait. Raises OSError."""
        count, refused = await self._publish_all(folder)
        if count:
            log.warning("records of a process that died were published", records=count)
        if not refused:
            orphans.discard(folder)
        return not refused

    async def _publish_all(self, folder: Path) -> tuple[int, int]:
        """How many records of a dead process were published, and how many have to wait. Raises OSError."""
        count = refused = 0
        for kept in orphans.unreleased(folder):
            if await self._deliver(kept):
                orphans.mark(folder, kept.record_id)
                count += 1
            else:
                refused += 1
                if refused >= _AT_ONCE or self._bus is None or not self._bus.connected:
                    break
        return count, refused


def _refusal(answer: bytes) -> BusError | None:
    """What is wrong if the stream does not say that it has the record. A refusal names the stream as well."""
    try:
        word = rawjson.loads(answer)
    except NotJson:
        word = None
    if not isinstance(word, dict) or "stream" not in word:
        return BusError("the answer is not the record log's")
    if error := word.get("error"):
        description = error.get("description") if isinstance(error, dict) else None
        return BusError(f"the record log refuses the record: {description or 'no reason given'}")
    return None


def _recovered(data: bytes) -> bytes:
    """A record whose process died before it was final, with a note of that."""
    fields: Fields = dict(rawjson.split(data))
    errors = rawjson.loads(fields["error"]) if "error" in fields else []
    details = "the gateway ended before the record was final"
    fields["error"] = [*errors, {"name": "recovered", "details": details}]
    return rawjson.dumps(fields)
