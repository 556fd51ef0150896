"""Delivers records from the buffer to the sink: batches, retries, dead letters.

Every record is acked or nacked once.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from gecholog.logs import Log
from gecholog.timer import rfc3339
from services.nats2log.deadletter import DeadLetter
from services.nats2log.retry import RetryDecision, backoff, decide
from services.nats2log.shape import Shape, shaped
from services.nats2log.sinks.sink import Fault, FaultKind, as_outage, fail_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.nats2log.buffer import Buffer
    from services.nats2log.config import RetryPolicy
    from services.nats2log.counters import SinkCounters
    from services.nats2log.deadletter import DeadLetterFile
    from services.nats2log.entry import RecordEntry
    from services.nats2log.sinks.sink import Failure, Sink

log = Log("deliver")

MAX_BATCH = 1000  # records per batch, and the most that wait for a retry before the intake of new ones stops
MAX_BATCH_BYTES = 16 * 1024 * 1024
_LAST_WRITE_TIMEOUT_S = 1.0


class Acknowledger(Protocol):
    """Where records came from, and where they are acknowledged."""

    async def ack(self, entries: Sequence[RecordEntry]) -> None:
        """Acknowledge records that are written or in the dead-letter file. They are not delivered again."""

    async def nack(self, entries: Sequence[RecordEntry]) -> None:
        """Return records that are not written. They are delivered again soon, to any consumer that asks."""


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How records are delivered: how often they are retried, and in which shape they are sent."""

    retry_policy: RetryPolicy
    shape: Shape


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """What consumer and delivery share: the buffer between them, the dead-letter file and the counters."""

    buffer: Buffer
    dead_letter_file: DeadLetterFile
    counters: SinkCounters


@dataclass(slots=True)
class _Pending:
    """A record that is being delivered. `retry_at` is in seconds of the monotonic clock."""

    entry: RecordEntry
    attempts: int = 0
    retry_at: float = 0.0
    kind: FaultKind = FaultKind.OUTAGE


class Delivery:
    """Writes the records in the buffer to the sink until `stop` is called."""

    def __init__(
        self, sink: Sink, policy: DeliveryPolicy, acknowledger: Acknowledger, context: DeliveryContext
    ) -> None:
        self._sink = sink
        self._policy = policy
        self._acknowledger = acknowledger
        self._buffer = context.buffer
        self._dead_letter_file = context.dead_letter_file
        self._counters = context.counters
        self._next: tuple[Sink, DeliveryPolicy] | None = None
        self._retired: list[Sink] = []
        self._paused: list[_Pending] = []  # until the outage ends
        self._retries: list[_Pending] = []  # each until its `retry_at`
        self._outage_attempts = 0
        self._resume_at = 0.0
        self._interrupted = asyncio.Event()
        self._stopping = False

    @property
    def pending(self) -> int:
        """Number of records that failed and will be retried."""
        return len(self._paused) + len(self._retries)

    def swap(self, sink: Sink, policy: DeliveryPolicy) -> None:
        """Switch to another sink after the batch in flight. The old sink is closed."""
        if self._next is not None:
            self._retired.append(self._next[0])  # it was never used
        self._next = (sink, policy)
        self._interrupt()

    def stop(self) -> None:
        """Make `run` return after the batch in flight."""
        self._stopping = True
        self._interrupt()

    async def run(self) -> None:
        await self._apply_next_sink()
        while not self._stopping:
            await self._step()
            await self._apply_next_sink()

    async def drain(self) -> None:
        """Nack what the record stream still has, and write or dead-letter everything else. Call it after `run`."""
        failed = [pending.entry for pending in self._paused + self._retries]
        self._paused, self._retries = [], []
        fresh = self._shaped(self._buffer.take_now(len(self._buffer), self._buffer.bytes + 1))
        await self._acknowledger.nack([entry for entry in failed + fresh if entry.durable])
        retries = self._policy.retry_policy.retries
        last = [_Pending(entry, attempts=retries) for entry in failed + fresh if not entry.durable]
        if not last:
            return
        try:
            async with asyncio.timeout(_LAST_WRITE_TIMEOUT_S):
                await self._deliver(last)
        except TimeoutError:
            fault = Fault(FaultKind.OUTAGE, "request timed out during shutdown")
            await self._dead_letter([DeadLetter(pending.entry, fault, pending.attempts + 1) for pending in last])

    def _interrupt(self) -> None:
        self._interrupted.set()
        self._buffer.wake()

    async def _apply_next_sink(self) -> None:
        """Switch to the sink of the latest `swap`, and close the sinks that are no longer used."""
        self._interrupted.clear()
        while self._next is not None:
            self._retired.append(self._sink)
            (self._sink, self._policy), self._next = self._next, None
            self._resume_at = 0.0
            retired, self._retired = self._retired, []
            for sink in retired:
                if sink is not self._sink:
                    await sink.close()

    async def _step(self) -> None:
        if self._paused:
            await self._wait_out_outage()
            return
        now = time.monotonic()
        due = [pending for pending in self._retries if pending.retry_at <= now]
        if due:
            self._retries = [pending for pending in self._retries if pending.retry_at > now]
            await self._deliver(due)
            return
        left = min(pending.retry_at for pending in self._retries) - now if self._retries else None
        if len(self._retries) >= MAX_BATCH:
            await self._sleep(left)
            return
        entries = self._shaped(await self._buffer.take(MAX_BATCH, MAX_BATCH_BYTES, left))
        if entries:
            await self._deliver([_Pending(entry) for entry in entries])

    async def _wait_out_outage(self) -> None:
        """Wait until the next attempt is due, and make it. A new sink is tried at once."""
        if await self._sleep(self._resume_at - time.monotonic()):
            paused, self._paused = self._paused, []
            await self._deliver(paused)

    async def _sleep(self, seconds: float | None) -> bool:
        """Sleep for `seconds`. Return False if `swap` or `stop` interrupted it."""
        try:
            async with asyncio.timeout(seconds):
                await self._interrupted.wait()
        except TimeoutError:
            return True
        return False

    async def _deliver(self, batch: list[_Pending]) -> None:
        try:
            failures = await self._write([pending.entry for pending in batch])
        except BaseException:
            # Cancelled during the write: nobody knows what was written, so let the record stream deliver it again.
            self._paused += batch
            raise
        if not failures:
            await self._ack([pending.entry for pending in batch])
            return
        if _all_busy(batch, failures):
            failures = [as_outage(failure) for failure in failures]
        faults = {id(failure.entry): failure.fault for failure in failures}
        await self._ack([pending.entry for pending in batch if id(pending.entry) not in faults])
        await self._handle_failures(
            [(pending, faults[id(pending.entry)]) for pending in batch if id(pending.entry) in faults]
        )

    async def _write(self, entries: list[RecordEntry]) -> list[Failure]:
        try:
            return await self._sink.write(entries)
        except Exception as error:  # noqa: BLE001 - a bug of a sink must not lose records
            log.fault("sink failed", error)
            return fail_all(entries, Fault(FaultKind.OUTAGE, type(error).__name__))

    async def _ack(self, entries: list[RecordEntry]) -> None:
        if not entries:
            return
        self._counters.written += len(entries)
        if self._counters.outage:
            log.info("sink recovered", since=self._counters.outage_since, attempts=self._outage_attempts)
            self._counters.outage = self._counters.outage_since = ""
        self._outage_attempts = 0
        await self._acknowledger.ack(entries)

    async def _handle_failures(self, failed: list[tuple[_Pending, Fault]]) -> None:
        self._counters.failed_attempts += len(failed)
        dead_letters: list[DeadLetter] = []
        outage: Fault | None = None
        for pending, fault in failed:
            pending.attempts += 1
            pending.kind = fault.kind
            match self._decide(pending):
                case RetryDecision.WAIT:
                    self._paused.append(pending)
                    outage = fault
                case RetryDecision.RETRY:
                    pending.retry_at = time.monotonic() + self._backoff(pending.attempts, fault)
                    self._retries.append(pending)
                case RetryDecision.GIVE_UP:
                    dead_letters.append(DeadLetter(pending.entry, fault, pending.attempts))
        if outage is not None:
            self._begin_outage(outage)
        elif not dead_letters:
            log.warning("records not written, retrying", records=len(failed), reason=failed[0][1].reason)
        if dead_letters:
            await self._dead_letter(dead_letters)

    def _decide(self, pending: _Pending) -> RetryDecision:
        retries = self._policy.retry_policy.retries
        decision = decide(pending.kind, pending.attempts, retries, durable=pending.entry.durable)
        last_chance = self._stopping and not pending.entry.durable
        return RetryDecision.GIVE_UP if decision is RetryDecision.RETRY and last_chance else decision

    def _backoff(self, attempts: int, fault: Fault) -> float:
        return backoff(attempts, self._policy.retry_policy.delay_ms, fault.retry_after, random.random())  # noqa: S311

    def _begin_outage(self, fault: Fault) -> None:
        self._outage_attempts += 1
        seconds = self._backoff(self._outage_attempts, fault)
        self._resume_at = time.monotonic() + seconds
        if not self._counters.outage:
            self._counters.outage_since = rfc3339(time.time_ns())
        self._counters.outage = fault.reason
        log.error(
            "sink unavailable, retrying",
            reason=fault.reason,
            records=len(self._paused),
            next_attempt_in_seconds=round(seconds, 1),
        )

    async def _dead_letter(self, dead_letters: list[DeadLetter]) -> None:
        """Write records to the dead-letter file, and ack them."""
        first, file = dead_letters[0], str(self._dead_letter_file.path)
        try:
            await self._dead_letter_file.add(dead_letters)
        except OSError as error:
            reason = error.strerror or str(error)
            log.error("cannot write dead-letter file", file=file, reason=reason, records=len(dead_letters))
            self._retry_dead_letters(dead_letters)
            return
        self._counters.dead_letters += len(dead_letters)
        log.error(
            "records rejected by the sink, moved to the dead-letter file",
            file=file,
            records=len(dead_letters),
            reason=first.fault.reason,
            attempts=first.attempts,
        )
        await self._acknowledger.ack([dead_letter.entry for dead_letter in dead_letters])

    def _retry_dead_letters(self, dead_letters: list[DeadLetter]) -> None:
        """Retry records that the record stream still has. The others are lost."""
        retry_at = time.monotonic() + self._backoff(self._policy.retry_policy.retries + 1, dead_letters[0].fault)
        for dead_letter in dead_letters:
            if dead_letter.entry.durable:
                pending = _Pending(dead_letter.entry, dead_letter.attempts, retry_at, FaultKind.REJECTED)
                self._retries.append(pending)
            else:
                self._counters.lost += 1

    def _shaped(self, entries: list[RecordEntry]) -> list[RecordEntry]:
        shape = self._policy.shape
        if not shape.changes:
            return entries
        return [replace(entry, data=shaped(entry.data, shape)) for entry in entries]


def _all_busy(batch: Sequence[_Pending], failures: Sequence[Failure]) -> bool:
    """Tell whether the destination was too busy for every record of the batch, at the first attempt of all of them.

    The destination then accepts nothing at the moment. A single record that it keeps turning away must not hold up the
    others.
    """
    return (
        len(failures) == len(batch)
        and not any(pending.attempts for pending in batch)
        and all(failure.fault.kind is FaultKind.BUSY for failure in failures)
    )
