"""Shares the token counts with other replicas, see `gecholog.replication`. The part of a key is a router."""

from __future__ import annotations

import contextlib
import re

from gecholog.bus import Bus
from gecholog.bus_storage import BusStorage
from gecholog.keyvalue import Conflict, Entry, KeyValue
from gecholog.logs import Log
from gecholog.quota.meter import ReplicaUsage
from gecholog.replication import Messages, Naming, UsageReplicator, milliseconds
from gecholog.router_path import key_part, of_key_part
from processors.tokencounter.counters import Counters

BUCKET = BusStorage().bucket("tokens")
"""The bucket, unless the config has a namespace of its own."""

_DEFAULT = BusStorage()

log = Log("tokencounter")

_PERIOD = "period"  # cannot be a router, which begins with a slash
_PERIOD_START = re.compile(rb"[0-9]{1,20}")  # in milliseconds
_ATTEMPTS = 5
_MESSAGES = Messages(
    shared="token counts shared with other replicas",
    not_shared="token counts are not shared, each replica counts its own",
    retrying="cannot share token counts, retrying",
    invalid="ignoring an invalid token count of another replica",
)


def replicator_of(
    bus: Bus, topic: str, replica: str, counters: Counters, storage: BusStorage = _DEFAULT
) -> UsageReplicator:
    """Share counters on a topic. `replica` is a name that no other replica has or had."""
    bucket = KeyValue(bus, storage.bucket("tokens"), replicas=storage.replicas)
    period = _AgreedPeriod(bucket, topic, counters)
    naming = Naming(topic, replica, reserved=frozenset({_PERIOD}))
    replicator = UsageReplicator(
        bus, bucket, naming, _SharedCounters(counters), log=log, messages=_MESSAGES, prepare=period.agree
    )
    period.replicator = replicator
    return replicator


class _SharedCounters:
    """Counters, whose routers are parts of keys."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    @property
    def urgent(self) -> bool:
        return self._counters.urgent

    def take_changed(self, _: int) -> list[str]:
        parts = [key_part(router) for router in self._counters.changed]
        self._counters.changed.clear()
        self._counters.urgent = False
        return parts

    def put_back(self, part: str) -> None:
        self._counters.changed.add(of_key_part(part))

    def own(self, part: str, now: int) -> ReplicaUsage:
        return self._counters.own(of_key_part(part), now)

    def merge(self, part: str, replica: str, usage: ReplicaUsage, _: int) -> None:
        self._counters.merge(of_key_part(part), replica, usage)

    def mark_all_changed(self) -> None:
        self._counters.mark_all_changed()

    def expire(self, now: int) -> list[tuple[str, str]]:
        return [(key_part(router), replica) for router, replica in self._counters.expire(now)]


class _AgreedPeriod:
    """The start of the period, on which all replicas agree: the first one decides."""

    def __init__(self, bucket: KeyValue, topic: str, counters: Counters) -> None:
        self._bucket = bucket
        self._topic = topic
        self._counters = counters
        self.replicator: UsageReplicator | None = None

    async def agree(self) -> None:
        """Use the start that is in the bucket, or write ours there. A sliding window has none."""
        window = self._counters.window
        if window.sliding:
            return
        key = f"{self._topic}.{_PERIOD}.{window.period // 1000}"
        for _ in range(_ATTEMPTS):
            entry = await self._bucket.get(key)
            agreed = entry.value if entry else None
            if agreed is not None and _PERIOD_START.fullmatch(agreed):
                if self.replicator is None or not self.replicator.is_restarting:
                    self._counters.align(int(agreed))
                return
            with contextlib.suppress(Conflict):  # another replica was faster: read it again
                await self._begin(key, str(window.began).encode(), entry)
                return

    async def _begin(self, key: str, began: bytes, unreadable: Entry | None) -> None:
        if unreadable is None:
            await self._bucket.create(key, began)
        else:
            log.warning("invalid start of period in the bucket, overwriting it", key=key)
            await self._bucket.update(key, began, unreadable.revision)


__all__ = ["BUCKET", "UsageReplicator", "milliseconds", "replicator_of"]
