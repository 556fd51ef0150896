"""Replicates the health of targets through a key-value bucket of the bus, and decides who may probe.

Routing decisions use only the local table. A watch updates the table, and changes are written in the background. Only
probes need coordination: a conditional write of the key lets exactly one replica have it. If the bus cannot do this, or
does not respond, each replica tracks health on its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

from gecholog import backoff
from gecholog.errors import BusError
from gecholog.keyvalue import Conflict, Entry, NoKeyValue, Watch
from gecholog.logs import Log
from gecholog.router_path import key_part, of_key_part
from gecholog.timer import Timestamp
from processors.broker.health_table import HealthTable
from processors.broker.health_update import DurationBounds, HealthUpdate, decode, encode, monotonic_s

log = Log("replication")

_PROBE_GRANT_TIMEOUT_S = 0.025  # how long a call waits for the right to probe; after that, the next call has it
_RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0  # on a bus without JetStream; a cluster that starts has none for a moment


class Store(Protocol):
    """The part of a key-value bucket that is used here. Errors are those of gecholog.keyvalue."""

    async def ensure(self) -> None: ...
    async def get(self, key: str) -> Entry | None: ...
    async def put(self, key: str, value: bytes) -> int: ...
    async def create(self, key: str, value: bytes) -> int: ...
    async def update(self, key: str, value: bytes, revision: int) -> int: ...
    async def watch(
        self, handler: Callable[[Entry], Awaitable[None]], *, begins: Callable[[], None] | None = None
    ) -> Watch: ...


class HealthReplicator:
    """Replicates a health table. It does nothing until `run` is called."""

    def __init__(self, store: Store, table: HealthTable, clock: Callable[[], Timestamp]) -> None:
        self._store = store
        self._table = table
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._watch: Watch | None = None
        self._is_available = False
        self._reason = ""  # of the last warning
        self._connected = asyncio.Event()
        self._changed = asyncio.Event()
        self._unwritten: set[str] = set()
        self._writing = ""
        self._deferred: dict[str, Entry] = {}  # received while our own update was in flight
        self._revisions: dict[str, int] = {}
        self._claims: dict[str, asyncio.Task[bool]] = {}
        self.ready = asyncio.Event()  # the table is up to date, or replication is not available

    # ------------------------------------------------------------ lifecycle

    async def run(self) -> None:
        """Replicate changes in both directions until cancelled."""
        try:
            await self._until_started()
            while True:
                await self._changed.wait()
                self._changed.clear()
                while self._unwritten:
                    await self._write(self._unwritten.pop())
        finally:
            await self._close()

    async def connected(self, _: object) -> None:
        """The bus has connected, possibly to another server."""
        self._connected.set()

    def _restart(self) -> None:
        """Forget revisions: the watch starts again, possibly on a new bucket."""
        self._revisions.clear()

    async def _until_started(self) -> None:
        retries = 0  # on a bus without JetStream
        while not self._is_available:
            self._connected.clear()
            try:
                await self._store.ensure()
                self._is_available = True
            except NoKeyValue:
                self._warn_once(
                    "target health is not shared, each replica tracks its own", "JetStream is not enabled on the bus"
                )
                self.ready.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(backoff.exponential(retries, _RETRY_S, _LONGEST_RETRY_S)):
                        await self._connected.wait()
                retries += 1
            except BusError as error:
                self._warn_once("cannot share target health, retrying", str(error))
                self.ready.set()
                await asyncio.sleep(_RETRY_S)
        self._watch = await self._store.watch(self._receive, begins=self._restart)
        await self._watch.caught_up()
        self.ready.set()
        log.info("target health shared with other replicas")

    async def _close(self) -> None:
        self._is_available = False
        for claim in self._claims.values():
            claim.cancel()
        if self._watch is not None:
            await self._watch.close()

    def _warn_once(self, message: str, reason: str) -> None:
        if reason != self._reason:
            self._reason = reason
            log.warning(message, reason=reason)

    # ----------------------------------------------------------- publishing

    def publish(self, path: str) -> None:
        """Publish the health of a target in the background."""
        self._unwritten.add(path)
        self._changed.set()

    async def _write(self, path: str) -> None:
        self._writing = path
        try:
            revision = await self._store.put(key_part(path), self._encoded_update(path))
        except BusError as error:
            self._failed(path, error)
            await asyncio.sleep(_RETRY_S)
            with contextlib.suppress(BusError):  # the bus may have lost its storage
                await self._store.ensure()
            return
        finally:
            self._writing = ""
        self._is_available = True
        self._revisions[path] = revision
        held = self._deferred.pop(path, None)
        if held is not None:
            await self._receive(held)

    def _encoded_update(self, path: str) -> bytes:
        return encode(HealthUpdate(self._table.health(path), self._name), self._clock())

    def _failed(self, path: str, error: BusError) -> None:
        self._is_available = False
        self._warn_once("cannot share target health, retrying", str(error))
        self.publish(path)

    # ------------------------------------------------------------ receiving

    async def _receive(self, entry: Entry) -> None:
        """Apply an update of another replica, unless our own is newer."""
        path = of_key_part(entry.key)
        if path == self._writing or path in self._unwritten:
            self._deferred[path] = entry
        elif entry.revision == 0:  # the bus has lost its storage: our own state is still valid
            self._revisions.pop(path, None)
        elif entry.revision >= self._revisions.get(path, 0):
            self._revisions[path] = entry.revision
            self._apply(path, entry)

    def _apply(self, path: str, entry: Entry) -> None:
        update = HealthUpdate(None) if entry.value is None else self._read(entry.value)
        if update is None or update.by == self._name:
            return
        if path in self._claims and self._claims[path].done():
            del self._claims[path]
        before = self._table.health(path)
        self._table.put(path, update.health)
        if (before and before.state) != (update.health and update.health.state):
            state = update.health.state.value if update.health else "in"
            log.info("target health updated by another replica", router=path, state=state)

    def _read(self, value: bytes) -> HealthUpdate | None:
        policy = self._table.policy
        is_fresh = self._watch is not None and self._watch.current  # otherwise it may be old
        return decode(value, self._clock(), DurationBounds(policy.open_s, policy.max_open_s), is_fresh=is_fresh)

    # -------------------------------------------------------------- probing

    async def acquire_probe(self, path: str) -> bool:
        """Acquire the right to probe a target. If it is granted, the table is updated, and True is returned.

        A call waits only a short time. A grant that arrives too late is used by the next call.
        """
        if self._is_available and not await self._claimed(path):
            return False
        self._table.put(path, self._table.half_open(path, monotonic_s(self._clock())))
        return True

    async def _claimed(self, path: str) -> bool:
        if path in self._unwritten or path == self._writing:
            return False
        claim = self._claims.get(path)
        if claim is None:
            # With the revision that is known now: one that included another replica's probe would overwrite it.
            claiming = self._claim(path, self._revisions.get(path))
            claim = self._claims[path] = asyncio.create_task(claiming, name=f"claim {path}")
            await asyncio.wait({claim}, timeout=_PROBE_GRANT_TIMEOUT_S)
        if not claim.done():
            return False
        self._claims.pop(path, None)
        return claim.result()

    async def _claim(self, path: str, known: int | None) -> bool:
        """Write the key if its revision is still `known`. Return whether this replica may probe."""
        now = self._clock()
        value = encode(HealthUpdate(self._table.half_open(path, monotonic_s(now)), self._name), now)
        try:
            if known is None:
                self._revisions[path] = await self._store.create(key_part(path), value)
            else:
                self._revisions[path] = await self._store.update(key_part(path), value, known)
        except Conflict as conflict:
            if known is not None and conflict.revision < known:  # the key was deleted, or the bucket is a new one
                self._revisions.pop(path, None)
                return await self._claim(path, None)
            with contextlib.suppress(BusError):
                if (entry := await self._store.get(key_part(path))) is not None:
                    await self._receive(entry)
            return False
        except BusError as error:
            self._failed(path, error)
        return True
