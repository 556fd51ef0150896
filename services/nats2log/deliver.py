"""From the buffer to the target: batches, retries, dead letters. Every entry is settled once, whatever happens."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from gecholog.logs import Log
from gecholog.timer import rfc3339
from services.nats2log.deadletter import DeadLetter
from services.nats2log.retry import Verdict, pause, verdict
from services.nats2log.shape import Shape, shaped
from services.nats2log.sinks.sink import Fault, Kind, all_of, as_outage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.nats2log.buffer import Buffer
    from services.nats2log.config import RetryPolicy
    from services.nats2log.deadletter import DeadLetterFile
    from services.nats2log.entry import Entry
    from services.nats2log.meter import Meter
    from services.nats2log.sinks.sink import Failure, Sink

log = Log("deliver")

MOST = 1000  # entries of a batch; also of those that wait for another attempt before new ones are taken
MOST_BYTES = 16 * 1024 * 1024
_LAST_WRITE_TIMEOUT_S = 1.0  # seconds


class Acknowledger(Protocol):
    """Where entries came from, and are acknowledged."""

    async def acknowledge(self, entries: Sequence[Entry]) -> None:
        """These are written, or in the dead-letter file: they need not come again."""

    async def nack(self, entries: Sequence[Entry]) -> None:
        """These are not: they shall come again soon, to whoever asks."""


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How records are offered: with which patience, in which shape."""

    retry_policy: RetryPolicy
    shape: Shape


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """Where entries wait, where they go when they are given up, and where all of it is counted."""

    buffer: Buffer
    dead: DeadLetterFile
    meter: Meter


@dataclass(slots=True)
class _Held:
    entry: Entry
    attempts: int = 0
    due: float = 0.0
    kind: Kind = Kind.OUTAGE


class Delivery:
    """Writes what is in the buffer, until `stop`."""

    def __init__(self, sink: Sink, delivery_policy: DeliveryPolicy, origin: Acknowledger, context: DeliveryContext) -> None:
        self._sink = sink
        self._policy = delivery_policy
        self._origin = origin
        self._buffer = context.buffer
        self._dead = context.dead
        self._meter = context.meter
        self._next: tuple[Sink, DeliveryPolicy] | None = None
        self._retired: list[Sink] = []
        self._waiting: list[_Held] = []  # for the end of an outage
        self._again: list[_Held] = []  # each for its time
        self._rounds = 0  # attempts in this outage
        self._resume = 0.0
        self._hurry = asyncio.Event()
        self._stopping = False

    @property
    def held(self) -> int:
        """Entries that were tried in vain and will be tried again."""
        return len(self._waiting) + len(self._again)

    def swap(self, sink: Sink, delivery_policy: DeliveryPolicy) -> None:
        """Go on with another sink as soon as the batch in hand is done. The old one is closed."""
        if self._next is not None:
            self._retired.append(self._next[0])  # it never had its turn
        self._next = (sink, delivery_policy)
        self._wake()

    def stop(self) -> None:
        """Finish the batch in hand; then `run` returns."""
        self._stopping = True
        self._wake()

    async def run(self) -> None:
        await self._exchange()
        while not self._stopping:
            await self._step()
            await self._exchange()

    async def leave(self) -> None:
        """After `run`: give back what the record log keeps; write or bury what nobody else has."""
        kept = [held.entry for held in self._waiting + self._again]
        self._waiting, self._again = [], []
        fresh = self._shaped(self._buffer.take_now(len(self._buffer), self._buffer.bytes + 1))
        await self._origin.nack([entry for entry in kept + fresh if entry.durable])
        last = [_Held(entry, attempts=self._policy.retry_policy.retries) for entry in kept + fresh if not entry.durable]
        if not last:
            return
        try:
            async with asyncio.timeout(_LAST_WRITE_TIMEOUT_S):
                await self._offer(last)
        except TimeoutError:
            fault = Fault(Kind.OUTAGE, "request timed out during shutdown")
            await self._bury([DeadLetter(held.entry, fault, held.attempts + 1) for held in last])

    def _wake(self) -> None:
        self._hurry.set()
        self._buffer.wake()

    async def _exchange(self) -> None:
        """Put the next sink in place. When this returns nobody has called since without being heard."""
        self._hurry.clear()
        while self._next is not None:
            self._retired.append(self._sink)
            (self._sink, self._policy), self._next = self._next, None
            self._resume = 0.0
            retired, self._retired = self._retired, []
            for sink in retired:
                if sink is not self._sink:
                    await sink.close()

    async def _step(self) -> None:
        if self._waiting:
            await self._sit_out()
            return
        now = time.monotonic()
        due = [held for held in self._again if held.due <= now]
        if due:
            self._again = [held for held in self._again if held.due > now]
            await self._offer(due)
            return
        left = min(held.due for held in self._again) - now if self._again else None
        if len(self._again) >= MOST:
            await self._rest(left)
            return
        entries = self._shaped(await self._buffer.take(MOST, MOST_BYTES, left))
        if entries:
            await self._offer([_Held(entry) for entry in entries])

    async def _sit_out(self) -> None:
        """Wait for the time to try again (a new sink is tried at once), and try."""
        if await self._rest(self._resume - time.monotonic()):
            waiting, self._waiting = self._waiting, []
            await self._offer(waiting)

    async def _rest(self, seconds: float | None) -> bool:
        """Do nothing for so long; False if there is reason to hurry (another sink, the end)."""
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return True
        return False

    async def _offer(self, offered: list[_Held]) -> None:
        try:
            failures = await self._write([held.entry for held in offered])
        except BaseException:
            # cancelled in the middle: nobody knows what was written, so the record log shall bring it again
            self._waiting += offered
            raise
        if not failures:
            await self._acknowledge([held.entry for held in offered])
            return
        if _all_turned_away(offered, failures):
            failures = [as_outage(failure) for failure in failures]
        faults = {id(failure.entry): failure.fault for failure in failures}
        await self._acknowledge([held.entry for held in offered if id(held.entry) not in faults])
        await self._judge([(held, faults[id(held.entry)]) for held in offered if id(held.entry) in faults])

    async def _write(self, entries: list[Entry]) -> list[Failure]:
        try:
            return await self._sink.write(entries)
        except Exception as error:  # noqa: BLE001 - a border: a sink's own mistake must not lose records
            log.fault("sink failed", error)
            return all_of(entries, Fault(Kind.OUTAGE, type(error).__name__))

    async def _acknowledge(self, entries: list[Entry]) -> None:
        if not entries:
            return
        self._meter.written += len(entries)
        if self._meter.outage:
            log.info("sink recovered", since=self._meter.outage_since, attempts=self._rounds)
            self._meter.outage = self._meter.outage_since = ""
        self._rounds = 0
        await self._origin.acknowledge(entries)

    async def _judge(self, failed: list[tuple[_Held, Fault]]) -> None:
        self._meter.failed_attempts += len(failed)
        dead: list[DeadLetter] = []
        waits: Fault | None = None
        for held, fault in failed:
            held.attempts += 1
            held.kind = fault.kind
            match self._verdict(held):
                case Verdict.WAIT:
                    self._waiting.append(held)
                    waits = fault
                case Verdict.AGAIN:
                    held.due = time.monotonic() + self._pause(held.attempts, fault)
                    self._again.append(held)
                case Verdict.GIVE_UP:
                    dead.append(DeadLetter(held.entry, fault, held.attempts))
        if waits is not None:
            self._outage(waits)
        elif not dead:
            log.warning("records not written, retrying", records=len(failed), reason=failed[0][1].reason)
        if dead:
            await self._bury(dead)

    def _verdict(self, held: _Held) -> Verdict:
        found = verdict(held.kind, held.attempts, self._policy.retry_policy.retries, durable=held.entry.durable)
        last_chance = self._stopping and not held.entry.durable
        return Verdict.GIVE_UP if found is Verdict.AGAIN and last_chance else found

    def _pause(self, attempts: int, fault: Fault) -> float:
        return pause(attempts, self._policy.retry_policy.delay_ms, fault.retry_after, random.random())  # noqa: S311

    def _outage(self, fault: Fault) -> None:
        self._rounds += 1
        seconds = self._pause(self._rounds, fault)
        self._resume = time.monotonic() + seconds
        if not self._meter.outage:
            self._meter.outage_since = rfc3339(time.time_ns())
        self._meter.outage = fault.reason
        log.error(
            "sink unavailable, retrying",
            reason=fault.reason,
            records=len(self._waiting),
            next_attempt_in_seconds=round(seconds, 1),
        )

    async def _bury(self, letters: list[DeadLetter]) -> None:
        first = letters[0]
        try:
            await self._dead.add(letters)
        except OSError as error:
            reason = error.strerror or str(error)
            log.error("cannot write dead-letter file", file=str(self._dead.path), reason=reason, records=len(letters))
            self._keep(letters)
            return
        self._meter.dead_letters += len(letters)
        log.error(
            "records rejected by the sink, moved to the dead-letter file",
            file=str(self._dead.path),
            records=len(letters),
            reason=first.fault.reason,
            attempts=first.attempts,
        )
        await self._origin.acknowledge([letter.entry for letter in letters])

    def _keep(self, letters: list[DeadLetter]) -> None:
        """Without a dead-letter file the record log's entries are tried on; others are lost."""
        due = time.monotonic() + self._pause(self._policy.retry_policy.retries + 1, letters[0].fault)
        for letter in letters:
            if letter.entry.durable:
                self._again.append(_Held(letter.entry, letter.attempts, due, Kind.REFUSAL))
            else:
                self._meter.lost += 1

    def _shaped(self, entries: list[Entry]) -> list[Entry]:
        shape = self._policy.shape
        if not shape.changes:
            return entries
        return [replace(entry, data=shaped(entry.data, shape)) for entry in entries]


def _all_turned_away(offered: Sequence[_Held], failures: Sequence[Failure]) -> bool:
    """Tell whether the target was too busy for every one of the records, at the first attempt of all of them.

    Then it does not take more now. A single record that it turns away again and again is no reason to hold others back.
    """
    return (
        len(failures) == len(offered)
        and not any(held.attempts for held in offered)
        and all(failure.fault.kind is Kind.BUSY for failure in failures)
    )
