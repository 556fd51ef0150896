"""Replicates usage counts through a key-value bucket on the bus.

Each replica writes only its own keys, `TOPIC.PART.REPLICA`, and watches the keys of the others. No replica waits for
another, and no write conflicts with another. Calls do not wait for replication. Any replica removes keys whose usage
no longer counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

import msgspec

from gecholog import backoff
from gecholog.bus import Bus
from gecholog.errors import BusAway, BusError
from gecholog.keyvalue import Entry, KeyValue, NoKeyValue, Watch
from gecholog.logs import Log
from gecholog.quota.meter import ReplicaUsage

_RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0  # on a bus without JetStream; a cluster that starts has none for a moment
_LAST_WRITE_TIMEOUT_S = 2.0  # at shutdown

Count = Annotated[int, msgspec.Meta(ge=0)]


class _ReplicaUsageJson(msgspec.Struct):
    """The value of a key: a ReplicaUsage as JSON."""

    uses: tuple[tuple[int, dict[str, Count]], ...]
    until: int


_read = msgspec.json.Decoder(_ReplicaUsageJson).decode
_write = msgspec.json.Encoder().encode


def milliseconds() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class SharedCounts(Protocol):
    """The counts of this replica, and what it knows of the others'. A part is a key without topic and replica.

    Times are in milliseconds since 1970.
    """

    @property
    def urgent(self) -> bool:
        """Whether changes should be published at once."""

    def take_changed(self, now: int) -> list[str]:
        """Return the parts that are to be published, and forget that they are. Resets `urgent`."""

    def put_back(self, part: str) -> None:
        """Publish a part again later, because writing it failed."""

    def own(self, part: str, now: int) -> ReplicaUsage:
        """Return the counts of this replica."""

    def merge(self, part: str, replica: str, usage: ReplicaUsage, now: int) -> None:
        """Merge the counts of another replica. Raises ValueError if the part is invalid."""

    def mark_all_changed(self) -> None:
        """Publish everything, because the other replicas may have lost it."""

    def expire(self, now: int) -> list[tuple[str, str]]:
        """Forget what no longer counts. Returns parts and replicas."""


@dataclass(frozen=True, slots=True)
class Messages:
    """What is logged about the counts."""

    shared: str
    not_shared: str
    retrying: str
    invalid: str


@dataclass(frozen=True, slots=True)
class Naming:
    """The keys of one kind of counts.

    `levels` is the number of dots in a part, plus one. `reserved` are parts whose entries are no counts.
    """

    topic: str
    replica: str
    levels: int = 1
    reserved: frozenset[str] = frozenset()

    @property
    def watched(self) -> str:
        """The keys of all replicas."""
        return f"{self.topic}{'.*' * (self.levels + 1)}"

    def key(self, part: str, replica: str) -> str:
        """The key of a replica's counts."""
        return f"{self.topic}.{part}.{replica}"

    def of_key(self, key: str) -> tuple[str, str]:
        """The part and the replica of a key."""
        part, _, replica = key.removeprefix(f"{self.topic}.").rpartition(".")
        return part, replica

    def is_own(self, part: str, replica: str) -> bool:
        """Whether an entry does not hold the counts of another replica."""
        return replica == self.replica or part.partition(".")[0] in self.reserved


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between writes while nothing is urgent, so that many calls cause one write, and between sweeps."""

    write_s: float = 0.02
    sweep_s: float = 60.0


_USUAL = Pace()


class UsageReplicator:
    """Replicates the counts of one replica with those of the others on the same topic."""

    def __init__(  # noqa: PLR0913 - the counts, where they are kept, and how
        self,
        bus: Bus,
        bucket: KeyValue,
        naming: Naming,
        counts: SharedCounts,
        *,
        log: Log,
        messages: Messages,
        prepare: Callable[[], Awaitable[None]] | None = None,
        pace: Pace = _USUAL,
        on_sharing: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """The replica in `naming` is a name that no other replica has or had. `prepare` runs before each start.

        `on_sharing` is called when it turns out whether the bus can share at all: whether it has JetStream.
        """
        self._bucket = bucket
        self._naming = naming
        self._counts = counts
        self._log = log
        self._messages = messages
        self._prepare = prepare
        self._pace = pace
        self._on_sharing = on_sharing
        self._revisions: dict[str, int] = {}
        self._watch: Watch | None = None
        self._woken = asyncio.Event()
        self._urgent = asyncio.Event()
        self._restart = asyncio.Event()
        self._started = asyncio.Event()
        self._reported = ""
        self._swept = time.monotonic()
        bus.on_connect(self._announce)
        self._running = asyncio.create_task(self._run(), name="sharing")

    @property
    def is_restarting(self) -> bool:
        """Whether a restart is requested."""
        return self._restart.is_set()

    def notify(self) -> None:
        """Publish changed counts soon, or at once if that is urgent."""
        self._woken.set()
        if self._counts.urgent:
            self._urgent.set()

    def restart(self) -> None:
        """Start again, because the config or the connection has changed."""
        self._restart.set()
        self._woken.set()

    async def ready(self, seconds: float) -> None:
        """Wait up to `seconds` until the counts of the others are known, or known to be unavailable."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._started.wait()
                if self._watch is not None:
                    await self._watch.caught_up()

    async def close(self) -> None:
        """Write pending counts if the bus accepts them, and stop."""
        self._running.cancel()
        await asyncio.wait({self._running})
        if self._watch is not None:
            await self._watch.close()
            with contextlib.suppress(BusError, TimeoutError):
                async with asyncio.timeout(_LAST_WRITE_TIMEOUT_S):
                    await self._write()

    async def _announce(self, _: Bus) -> None:
        self.restart()

    # ----------------------------------------------------------- replicating

    async def _run(self) -> None:
        retries = 0  # in a row, on a bus without JetStream
        while True:
            self._restart.clear()
            try:
                await self._start()
                retries = 0
                await self._run_replication()
            except NoKeyValue as error:
                self._report(self._messages.not_shared, str(error))
                self._on_sharing(False)  # noqa: FBT003 - a callback
                self._started.set()
                await _wait_for(self._restart, backoff.exponential(retries, _RETRY_S, _LONGEST_RETRY_S))
                retries += 1
            except BusAway:  # the bus logs this itself
                await _wait_for(self._restart, _RETRY_S)
            except BusError as error:
                self._report(self._messages.retrying, str(error))
                await _wait_for(self._restart, _RETRY_S)
            except Exception as error:  # noqa: BLE001 - counting must continue whatever happens here
                self._log.fault(self._messages.retrying, error)
                await _wait_for(self._restart, _RETRY_S)

    async def _start(self) -> None:
        await self._bucket.ensure()
        if self._prepare is not None:
            await self._prepare()
        if self._watch is None:
            self._watch = await self._bucket.watch(self._receive, self._naming.watched)
        self._on_sharing(True)  # noqa: FBT003 - a callback
        self._started.set()
        self._reported = ""
        self._log.info(self._messages.shared, bucket=self._bucket.bucket, replica=self._naming.replica)
        self._counts.mark_all_changed()
        self._woken.set()

    async def _run_replication(self) -> None:
        """Write changes until a restart is requested."""
        while not self._restart.is_set():
            await _wait_for(self._woken, self._pace.sweep_s)
            self._woken.clear()
            self._urgent.clear()
            await self._write()
            await self._sweep()
            await _wait_for(self._urgent, self._pace.write_s)

    def _report(self, message: str, reason: str) -> None:
        """Log a warning once, until it changes."""
        if message != self._reported:
            self._reported = message
            self._log.warning(message, reason=reason)

    async def _write(self) -> None:
        """Write each changed part once. Failed writes are retried later."""
        parts = sorted(self._counts.take_changed(milliseconds()))
        results = await asyncio.gather(*(self._put(part) for part in parts), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _put(self, part: str) -> None:
        usage = self._counts.own(part, milliseconds())
        try:
            await self._bucket.put(self._naming.key(part, self._naming.replica), _write(usage))
        except BaseException:
            self._counts.put_back(part)
            raise

    async def _receive(self, entry: Entry) -> None:
        """Merge an update of another replica. Deleted usage still counts until it leaves the window."""
        part, replica = self._naming.of_key(entry.key)
        is_own = self._naming.is_own(part, replica)
        if entry.value is None and is_own:
            self.restart()  # the bucket was lost: publish everything again
        if entry.value is None or is_own:
            return
        try:
            written = _read(entry.value)
            self._counts.merge(part, replica, ReplicaUsage(written.uses, written.until), milliseconds())
        except (msgspec.MsgspecError, ValueError):
            self._log.warning(self._messages.invalid, key=entry.key)
            return
        self._revisions[entry.key] = entry.revision

    async def _sweep(self) -> None:
        if time.monotonic() - self._swept < self._pace.sweep_s:
            return
        self._swept = time.monotonic()
        for part, replica in self._counts.expire(milliseconds()):
            key = self._naming.key(part, replica)
            await self._bucket.purge(key, self._revisions.pop(key, 0))


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
