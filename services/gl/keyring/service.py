"""Keeps the client keys of a gateway in force while its config changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from gecholog.keys.state import KeyState
from gecholog.keyvalue import KeyValue
from services.gl.keyring.first_key import entry_of
from services.gl.keyring.keyring import Keyring
from services.gl.keyring.watching import KeyWatch
from services.gl.routing.key_rule import KeyRule

if TYPE_CHECKING:
    from pathlib import Path

    from gecholog.bus import Bus
    from gecholog.bus_storage import BusStorage
    from gecholog.task_owner import TaskOwner
    from services.gl.config import Config
    from services.gl.keyring.mirror import Mirror

BUCKET = "keys"


class _BucketLocation(NamedTuple):
    bus: Bus
    storage: BusStorage


class KeyService:
    """Watches the client keys if a router asks for them. `activate` is called with each config put in force."""

    def __init__(self, mirror: Mirror, first_key: Path | None) -> None:
        """`first_key` is the file with the key that the start of the appliance has made; None: it is not stored."""
        self.keyring = Keyring()
        self._mirror = mirror
        self._first_key = first_key
        self._bucket = ""
        self._state = KeyState()
        self._place: _BucketLocation | None = None
        self._watch: KeyWatch | None = None
        self._running: asyncio.Task[None] | None = None

    def load(self, config: Config) -> bool:
        """Put the mirror in force, if the config has not done so yet. Returns whether there was one."""
        bucket = config.storage.bucket(BUCKET)
        self.keyring.max_stale = config.keys_max_stale
        if not _asks_for_keys(config) or bucket == self._bucket:
            return False
        self._bucket, self._state = bucket, KeyState()
        mirrored = self._mirror.read(bucket)
        if mirrored is not None:
            self._state = mirrored.state
            self.keyring.mark_current(mirrored.ago)
        self.keyring.snapshot = self._state.snapshot()
        return mirrored is not None

    def activate(self, config: Config, bus: Bus, owner: TaskOwner) -> None:
        """Watch the keys over this bus."""
        self.load(config)
        place = _BucketLocation(bus, config.storage) if _asks_for_keys(config) else None
        if place == self._place:
            return
        self._place = place
        if self._running is not None:
            self._running.cancel()
            self._running = None
        if place is not None:
            store = KeyValue(bus, place.storage.bucket(BUCKET), replicas=place.storage.replicas)
            first_key = None if self._first_key is None else entry_of(self._first_key)
            self._watch = KeyWatch(store, self._state, self.keyring, self._mirror, first_key)
            self._running = owner.spawn(self._watch.run(), "client keys")

    async def settled(self, seconds: float) -> None:
        """Wait until the keys of the bucket are in force, at most for so many seconds."""
        if self._watch is not None:
            await self._watch.settled(seconds)

    async def stop(self) -> None:
        """Watch no more."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})


def _asks_for_keys(config: Config) -> bool:
    return any(router.keys is not KeyRule.OFF for router in config.routers)
