"""Keeps circuit breakers shared over the bus in force, and their status file up to date."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from gecholog.keyvalue import KeyValue
from gecholog.timer import now
from services.gl.targets.replication import BreakerReplicator
from services.gl.targets.rules import has_breakers, rules_of
from services.gl.targets.status_file import StatusWriter

if TYPE_CHECKING:
    from gecholog.breakerstatus import BreakerStatusStore
    from gecholog.bus import Bus
    from gecholog.bus_storage import BusStorage
    from gecholog.task_owner import TaskOwner
    from services.gl.config import Config
    from services.gl.resilience.breaker import BreakerRules
    from services.gl.targets.breakers import Breakers

BUCKET = "breakers"
_BUCKET_BYTES = 1024 * 1024  # thousands of entries; JetStream sets the space aside


class _BucketLocation(NamedTuple):
    """Where circuit breakers are shared."""

    bus: Bus
    storage: BusStorage
    topic: str


class BreakerSharing:
    """Shares the circuit breakers of a gateway. `activate` is called with each config that is put in force."""

    def __init__(self, breakers: Breakers, file: BreakerStatusStore) -> None:
        self._breakers = breakers
        self._status = StatusWriter(file, breakers, now)
        self._writing: asyncio.Task[None] | None = None
        self._config: Config | None = None
        self._place: _BucketLocation | None = None
        self._running: asyncio.Task[None] | None = None

    def activate(self, config: Config, bus: Bus, owner: TaskOwner) -> None:
        """Share over this bus, if the config has any circuit breaker."""
        self._config = config
        self._writing = self._writing or owner.spawn(self._status.run(), "status of circuit breakers")
        self._breakers.retain(self._rules_of)
        place = _BucketLocation(bus, config.storage, config.topics.own) if has_breakers(config) else None
        if place == self._place:
            return
        self._place = place
        if self._running is not None:
            self._running.cancel()
            self._running = None
        if place is not None:
            bucket, replicas = place.storage.bucket(BUCKET), place.storage.replicas
            store = KeyValue(bus, bucket, max_bytes=_BUCKET_BYTES, replicas=replicas)
            replicator = BreakerReplicator(store, place.topic, self._breakers, self._rules_of, now)
            bus.on_connect(replicator.connected)
            self._running = owner.spawn(replicator.run(), "circuit breakers")

    async def stop(self) -> None:
        """Share no more, and remove the status file."""
        tasks = [task for task in (self._running, self._writing) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _rules_of(self, target: str) -> BreakerRules | None:
        return None if self._config is None else rules_of(self._config, target)
