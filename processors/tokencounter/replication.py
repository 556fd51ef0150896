"""Replicates token counts through a key-value bucket on the bus.

Each replica writes only its own keys, `TOPIC.ROUTER.REPLICA`, and watches the keys of the others. No replica waits for
another, and no write conflicts with another. Replies do not wait for replication. Any replica removes keys whose usage
no longer counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from typing import Annotated

import msgspec

from gecholog.bus import Bus
from gecholog.bus_storage import BusStorage
from gecholog.errors import BusAway, BusError
from gecholog.keyvalue import Conflict, Entry, KeyValue, NoKeyValue, Watch
from gecholog.logs import Log
from gecholog.quota.meter import ReplicaUsage
from gecholog.router_path import key_part, of_key_part
from processors.tokencounter.counters import Counters

BUCKET = BusStorage().bucket("tokens")
"""The bucket, unless the config has a namespace of its own."""

_DEFAULT = BusStorage()

log = Log("tokencounter")

_WRITE_INTERVAL_S = 0.02  # while no cap is close, so that many calls cause one write
_RETRY_S = 1.0
_JETSTREAM_RETRY_S = 60.0  # on a bus without JetStream
_SWEEP_INTERVAL_S = 60.0  # between removals of expired keys
_LAST_WRITE_TIMEOUT_S = 2.0  # at shutdown
_PERIOD = "period"  # cannot be a router, which begins with a slash
_PERIOD_START = re.compile(rb"[0-9]{1,20}")  # in milliseconds
_ATTEMPTS = 5

Tokens = Annotated[int, msgspec.Meta(ge=0)]


class _ReplicaUsageJson(msgspec.Struct):
    """The value of a key: a ReplicaUsage as JSON."""

    uses: tuple[tuple[int, dict[str, Tokens]], ...]
    until: int


_read = msgspec.json.Decoder(_ReplicaUsageJson).decode
_write = msgspec.json.Encoder().encode


def milliseconds() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class UsageReplicator:
    """Replicates the counters of one replica with those of the others on the same topic."""

    def __init__(self, bus: Bus, topic: str, replica: str, counters: Counters, storage: BusStorage = _DEFAULT) -> None:
        """`replica` is a name that no other replica has or had."""
        self._bus = bus
        self._topic = topic
        self._replica = replica
        self._counters = counters
        self._bucket = KeyValue(bus, storage.bucket("tokens"), replicas=storage.replicas)
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

    def notify(self) -> None:
        """Publish changed counts soon, or at once if a cap is close."""
        self._woken.set()
        if self._counters.urgent:
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
        while True:
            self._restart.clear()
            try:
                await self._start()
                await self._run_replication()
            except NoKeyValue as error:
                self._report("token counts are not shared, each replica counts its own", str(error))
                self._started.set()
                await _wait_for(self._restart, _JETSTREAM_RETRY_S)
            except BusAway:  # the bus logs this itself
                await _wait_for(self._restart, _RETRY_S)
            except BusError as error:
                self._report("cannot share token counts, retrying", str(error))
                await _wait_for(self._restart, _RETRY_S)
            except Exception as error:  # noqa: BLE001 - counting must continue whatever happens here
                log.fault("cannot share token counts, retrying", error)
                await _wait_for(self._restart, _RETRY_S)

    async def _start(self) -> None:
        await self._bucket.ensure()
        await self._agree_on_period()
        if self._watch is None:
            self._watch = await self._bucket.watch(self._receive, f"{self._topic}.*.*")
        self._started.set()
        self._reported = ""
        log.info("token counts shared with other replicas", bucket=self._bucket.bucket, replica=self._replica)
        self._counters.mark_all_changed()
        self._woken.set()

    async def _run_replication(self) -> None:
        """Write changes until a restart is requested."""
        while not self._restart.is_set():
            await _wait_for(self._woken, _SWEEP_INTERVAL_S)
            self._woken.clear()
            self._urgent.clear()
            await self._write()
            await self._sweep()
            await _wait_for(self._urgent, _WRITE_INTERVAL_S)

    def _report(self, message: str, reason: str) -> None:
        """Log a warning once, until it changes."""
        if message != self._reported:
            self._reported = message
            log.warning(message, reason=reason)

    async def _agree_on_period(self) -> None:
        """Agree on the start of the period: the first replica decides. A sliding window has none."""
        window = self._counters.window
        if window.sliding:
            return
        key = f"{self._topic}.{_PERIOD}.{window.period // 1000}"
        for _ in range(_ATTEMPTS):
            entry = await self._bucket.get(key)
            agreed = entry.value if entry else None
            if agreed is not None and _PERIOD_START.fullmatch(agreed):
                if not self._restart.is_set():
                    self._counters.align(int(agreed))
                return
            with contextlib.suppress(Conflict):  # another replica was faster: read it again
                await self._begin_period(key, str(window.began).encode(), entry)
                return

    async def _begin_period(self, key: str, began: bytes, unreadable: Entry | None) -> None:
        if unreadable is None:
            await self._bucket.create(key, began)
        else:
            log.warning("invalid start of period in the bucket, overwriting it", key=key)
            await self._bucket.update(key, began, unreadable.revision)

    async def _write(self) -> None:
        """Write each changed router once. Failed writes are retried later."""
        routers = sorted(self._counters.changed)
        self._counters.changed.clear()
        self._counters.urgent = False
        results = await asyncio.gather(*(self._put(router) for router in routers), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _put(self, router: str) -> None:
        replica_usage = self._counters.own(router, milliseconds())
        try:
            await self._bucket.put(self._key(router, self._replica), _write(replica_usage))
        except BaseException:
            self._counters.changed.add(router)
            raise

    def _key(self, router: str, replica: str) -> str:
        return f"{self._topic}.{key_part(router)}.{replica}"

    async def _receive(self, entry: Entry) -> None:
        """Merge an update of another replica. Deleted usage still counts until it leaves the window."""
        part, replica = entry.key.rsplit(".", 2)[1:]
        is_others = replica != self._replica and part != _PERIOD
        if entry.value is None and not is_others:
            self.restart()  # the bucket was lost: publish everything again
        if entry.value is None or not is_others:
            return
        try:
            written = _read(entry.value)
        except msgspec.MsgspecError:
            log.warning("ignoring an invalid token count of another replica", key=entry.key)
            return
        self._revisions[entry.key] = entry.revision
        self._counters.merge(of_key_part(part), replica, ReplicaUsage(written.uses, written.until))

    async def _sweep(self) -> None:
        if time.monotonic() - self._swept < _SWEEP_INTERVAL_S:
            return
        self._swept = time.monotonic()
        for router, replica in self._counters.expire(milliseconds()):
            key = self._key(router, replica)
            await self._bucket.purge(key, self._revisions.pop(key, 0))


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
