"""The ledger sink: a row per call and sums per hour in SQLite or PostgreSQL (docs/ledger.md).

A batch is one transaction. A record that is delivered again changes nothing, because its id is there already. Old
rows are deleted in the background, a small batch at a time, between the batches of records.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import asyncpg

from gecholog.errors import NotJson
from gecholog.ledger import retention
from gecholog.ledger.database import DRIVER_ERRORS, Database, open_writer, reason_of
from gecholog.ledger.errors import LedgerError
from gecholog.ledger.kept import Retention
from gecholog.ledger.record_reader import call_of
from gecholog.ledger.sqlite_store import FileReplaced
from gecholog.ledger.stored_payloads import packed
from gecholog.logs import Log
from services.nats2log.entry import number_of
from services.nats2log.sinks.sending import send_batches
from services.nats2log.sinks.sink import Failure, Fault, FaultKind, Sink, fail_all
from services.nats2log.sql_writer import SqlWriter

if TYPE_CHECKING:
    from gecholog.ledger.rows import CallRow
    from gecholog.ledger.stored_payloads import StoredPayloads
    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import RecordEntry

log = Log("ledger")

_MAX_BATCH_BYTES = 16 * 1024 * 1024
_NOT_A_RECORD = Fault(FaultKind.REJECTED, "not a record")
_SHOW_EVERY_S = 3.0
_PRUNE_EVERY_S = 600.0
_LAST_BATCH_S = 2.0  # how long `close` waits for deletions
_PRUNE_PAUSE_S = 0.05  # between two batches of deletions, for records and readers
# These concern the values of a row. Whatever else a database reports, it may accept the same rows later. The last three
# come from the drivers, before they ask the database.
_ABOUT_THE_ROWS = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeEncodeError, asyncpg.DataError)
_STATES_ABOUT_ROWS = frozenset({"22", "23"})  # classes of SQLSTATE: data exception, integrity constraint violation


class Progress:
    """Logs how far an update of the schema is, once it takes some seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._shown = now()

    def began(self, version: int, number: int, count: int) -> None:
        """A statement begins: number `number` of `count` for this version of the schema."""
        if self._now() - self._shown >= _SHOW_EVERY_S:
            self._shown = self._now()
            log.info("updating the ledger", schema_version=version, step=f"{number} of {count}")


class SqlSink:
    """Writes records into the ledger."""

    def __init__(self, settings: SqlWriter) -> None:
        self._settings = settings
        self._kept = Retention(settings.retention_days, settings.rollup_retention_days, settings.payload_retention_days)
        self._ledger: Database | None = None
        self._ready = False
        self._lock = asyncio.Lock()  # one transaction at a time
        self._pruning: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def open(self) -> None:
        """Prepare the ledger. Raises LedgerError if it can never be used as it is configured."""
        self._ledger = open_writer(self._settings.location)
        fault = await self._prepare()
        if fault is not None:
            log.error("ledger unavailable", ledger=self._settings.location.shown, reason=fault.reason)
        self._pruning = asyncio.create_task(self._prune(), name="ledger retention")

    async def write(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        if not self._ready and (fault := await self._prepare()) is not None:
            return fail_all(entries, fault)
        return await send_batches(entries, _MAX_BATCH_BYTES, self._insert)

    async def close(self) -> None:
        self._closing.set()
        if self._pruning is not None:
            # a batch that is cancelled would leave its connection open
            await asyncio.wait([self._pruning], timeout=_LAST_BATCH_S)
            self._pruning.cancel()
        if self._ledger is not None:
            with contextlib.suppress(*DRIVER_ERRORS):
                await self._ledger.close()

    async def _prepare(self) -> Fault | None:
        """Create the tables or bring them up to date. Raises LedgerError."""
        ledger = self._opened()
        try:
            async with self._lock:
                steps = await ledger.migrate(Progress().began)
        except LedgerError:
            raise
        except DRIVER_ERRORS as error:
            return _outage(error)
        self._ready = True
        log.info("ledger ready", ledger=ledger.location.shown, new_schema_steps=steps)
        return None

    async def _insert(self, entries: Sequence[RecordEntry]) -> Fault | None:
        try:
            calls = [_call(entry) for entry in entries]
        except NotJson:
            return _NOT_A_RECORD
        payloads = self._payloads(entries)
        try:
            async with self._lock:
                await self._opened().insert(calls, payloads)
        except (*DRIVER_ERRORS, OverflowError, UnicodeEncodeError) as error:
            if _is_about_the_rows(error):
                return Fault(FaultKind.REJECTED, "the database rejects the row", reason_of(error))
            if isinstance(error, FileReplaced):
                self._ready = False  # the next batch creates the tables again, where there are none
            return _outage(error)
        return None

    def _payloads(self, entries: Sequence[RecordEntry]) -> dict[str, StoredPayloads]:
        if not self._settings.store_payloads:
            return {}
        return {_id(entry): packed(entry.data, self._settings.payload_max_bytes) for entry in entries}

    async def _prune(self) -> None:
        """Delete old rows, again and again."""
        while not self._closing.is_set():
            try:
                await self._prune_once()
            except (*DRIVER_ERRORS, LedgerError) as error:
                log.warning("old rows not deleted, retrying later", reason=reason_of(error))
            await self._pause(_PRUNE_EVERY_S)

    async def _prune_once(self) -> None:
        if not self._ready:
            return
        total = retention.Deleted()
        while not self._closing.is_set():
            async with self._lock:
                deleted = await retention.prune_batch(self._opened(), self._kept, time.time())
            if not deleted:
                break
            total += deleted
            await self._pause(_PRUNE_PAUSE_S)
        if total:
            log.info("old rows deleted", calls=total.calls, hourly_sums=total.rollups, payloads=total.payloads)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not if the sink is closed meanwhile."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _opened(self) -> Database:
        if self._ledger is None:
            raise LedgerError("the ledger is not open")
        return self._ledger


def _is_about_the_rows(error: Exception) -> bool:
    """Whether an error concerns the values of a row."""
    state = getattr(error, "sqlstate", None)
    return isinstance(error, _ABOUT_THE_ROWS) or (isinstance(state, str) and state[:2] in _STATES_ABOUT_ROWS)


def _outage(error: BaseException) -> Fault:
    return Fault(FaultKind.OUTAGE, reason_of(error))


def _call(entry: RecordEntry) -> CallRow:
    return call_of(entry.data, _id(entry), number_of(entry.key) if entry.key else None)


def _id(entry: RecordEntry) -> str:
    """The id of a record. One that was published without an id is told by its content."""
    return entry.id or sha256(entry.data).hexdigest()[:32]


def make(settings: Writer, _: OutboundTls) -> Sink:
    """Create the sink for the section `sql_writer`."""
    if not isinstance(settings, SqlWriter):
        raise TypeError(type(settings).__name__)
    return SqlSink(settings)
