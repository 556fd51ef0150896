"""Shares the state of circuit breakers with other replicas, through a key-value bucket of the bus.

Calls use only the local state, and never wait for the bus. A watch puts transitions of other replicas in force, and
local transitions are written in the background. Only `open` and `closed` are shared: an open breaker carries the time
from which it is half-open, and then each replica probes on its own. Without the bus, or without JetStream, each replica
has its own circuit breakers.

Keys are `TOPIC.TARGET`, so that only gateways of the same topic share. The last write wins, in all replicas.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Protocol

from gecholog import backoff
from gecholog.errors import BusAway, BusError
from gecholog.keyvalue import NoKeyValue
from gecholog.logs import Log
from services.gl.candidates.target_key import bus_part, of_bus_part
from services.gl.targets.breaker_update import BreakerUpdate, decode, encode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gecholog.keyvalue import Entry, Watch
    from gecholog.timer import Timestamp
    from services.gl.targets.breakers import Breakers, RulesOf

log = Log("breaker")

_RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0  # on a bus without JetStream; a cluster that starts has none for a moment
_SWEEP_INTERVAL_S = 600.0  # between removals of old entries
_OLD_AFTER_S = 3600.0  # after which an entry without an update is ignored


class Store(Protocol):
    """The part of a key-value bucket that is used here. Errors are those of gecholog.keyvalue."""

    async def ensure(self) -> None: ...
    async def put(self, key: str, value: bytes) -> int: ...
    async def purge(self, key: str, revision: int) -> None: ...
    async def watch(
        self, handler: Callable[[Entry], Awaitable[None]], keys: str, begins: Callable[[], None] | None = None
    ) -> Watch: ...


class BreakerReplicator:
    """Replicates the circuit breakers of one gateway while `run` runs."""

    def __init__(
        self, store: Store, topic: str, breakers: Breakers, rules_of: RulesOf, clock: Callable[[], Timestamp]
    ) -> None:
        self._store = store
        self._topic = topic
        self._breakers = breakers
        self._rules_of = rules_of
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._watch: Watch | None = None
        self._reason = ""  # of the last warning
        self._has_no_store = False
        self._connected = asyncio.Event()
        self._changed = asyncio.Event()
        self._unwritten: set[str] = set()
        self._writing = ""
        self._deferred: dict[str, Entry] = {}  # received while our own update was in flight
        self._entries: dict[str, tuple[int, float]] = {}  # key → revision, and when it was received or written

    async def run(self) -> None:
        """Replicate transitions in both directions until cancelled."""
        stop = self._breakers.observe(self._publish, only_local=True)
        try:
            while True:
                try:
                    await self._replicate()
                except Exception as error:  # noqa: BLE001 - a border: calls go on without the other replicas
                    log.fault("cannot share circuit breakers, retrying", error)
                    await asyncio.sleep(_RETRY_S)
        finally:
            stop()
            if self._watch is not None:
                await self._watch.close()

    async def _replicate(self) -> None:
        await self._begin()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SWEEP_INTERVAL_S):
                    await self._changed.wait()
            self._changed.clear()
            while self._unwritten:
                await self._write(self._unwritten.pop())
            await self._sweep()

    async def connected(self, _: object) -> None:
        """The bus has connected, possibly to another server."""
        self._connected.set()

    async def _begin(self) -> None:
        if self._watch is not None:
            return
        retries = 0  # on a bus without JetStream
        while self._watch is None:
            self._connected.clear()
            try:
                await self._store.ensure()
                self._watch = await self._store.watch(self._receive, f"{self._topic}.*", self._entries.clear)
            except NoKeyValue:
                if not self._has_no_store:
                    self._has_no_store = True
                    log.info("circuit breakers not shared with other replicas: JetStream is not enabled on the bus")
                await self._until_connected(backoff.exponential(retries, _RETRY_S, _LONGEST_RETRY_S))
                retries += 1
            except BusAway:  # the bus logs this itself
                await self._until_connected(_RETRY_S)
            except BusError as error:
                self._warn_once(str(error))
                await asyncio.sleep(_RETRY_S)
        await self._watch.caught_up()
        log.info("circuit breakers shared with other replicas")

    async def _until_connected(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._connected.wait()

    def _warn_once(self, reason: str) -> None:
        if reason != self._reason:
            self._reason = reason
            log.warning("cannot share circuit breakers, retrying", reason=reason)

    # ----------------------------------------------------------- publishing

    def _publish(self, target: str) -> None:
        """Publish the state of a target in the background."""
        self._unwritten.add(target)
        self._changed.set()

    async def _write(self, target: str) -> None:
        self._writing, key = target, self._key(target)
        try:
            value = encode(BreakerUpdate(self._breakers.get(target), self._name), self._clock())
            revision = await self._store.put(key, value)
        except BusError as error:
            self._publish(target)
            if not isinstance(error, BusAway):
                self._warn_once(str(error))
            await asyncio.sleep(_RETRY_S)
            with contextlib.suppress(BusError):  # the bus may have lost its storage
                await self._store.ensure()
            return
        finally:
            self._writing = ""
        self._reason = ""
        self._entries[key] = revision, self._monotonic()
        if target not in self._unwritten and (held := self._deferred.pop(target, None)) is not None:
            await self._receive(held)

    def _key(self, target: str) -> str:
        return f"{self._topic}.{bus_part(target)}"

    # ------------------------------------------------------------ receiving

    async def _receive(self, entry: Entry) -> None:
        """Apply an update of another replica, unless our own is newer."""
        target = of_bus_part(entry.key.rpartition(".")[2])
        if target is not None and (target == self._writing or target in self._unwritten):
            self._deferred[target] = entry
        elif entry.value is None:  # removed, or the bus has lost its storage: our own state is still valid
            self._entries.pop(entry.key, None)
        elif entry.revision > self._entries.get(entry.key, (0, 0.0))[0]:
            self._entries[entry.key] = entry.revision, self._monotonic()
            if target is not None:
                self._apply(target, entry.value)

    def _apply(self, target: str, value: bytes) -> None:
        rules = self._rules_of(target)
        if rules is None:  # of another config
            return
        is_fresh = self._watch is not None and self._watch.current  # otherwise it may be old
        update = decode(value, self._clock(), rules, is_fresh=is_fresh)
        if update is None:
            log.warning("ignoring an invalid circuit breaker in the bucket", target=target)
        elif update.by != self._name:
            self._breakers.replace(target, update.breaker)

    def _monotonic(self) -> float:
        return self._clock().monotonic_ns / 1e9

    async def _sweep(self) -> None:
        """Remove entries that no replica has updated for long. Replicas that have read them keep what they know."""
        now = self._monotonic()
        old = {key: revision for key, (revision, since) in self._entries.items() if now - since >= _OLD_AFTER_S}
        for key, revision in old.items():
            del self._entries[key]
            with contextlib.suppress(BusError):
                await self._store.purge(key, revision)
