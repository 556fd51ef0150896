"""Shares the usage of a gateway with its other replicas, and stores it on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gecholog.keyvalue import KeyValue
from gecholog.logs import Log
from gecholog.replication import Messages, Naming, Pace, UsageReplicator
from services.gl.quota.divided import WHOLE
from services.gl.quota.events import QuotaEvents

if TYPE_CHECKING:
    from gecholog.bus import Bus
    from gecholog.bus_storage import BusStorage
    from gecholog.task_owner import TaskOwner
    from services.gl.quota.divided import Part
    from services.gl.quota.enforcer import QuotaEnforcer
    from services.gl.quota.mirror import QuotaMirror

log = Log("quota")

BUCKET = "quotas"
_READY_TIMEOUT_S = 2.0  # to read the usage of other replicas; then calls are answered without it
_PACE = Pace(write_s=0.25, sweep_s=10.0)
_MESSAGES = Messages(
    shared="quotas shared with other replicas",
    not_shared="quotas are not shared, each replica counts its own",
    retrying="cannot share quotas, retrying",
    invalid="ignoring invalid usage of another replica",
)


class BucketLocation(NamedTuple):
    """Where usage is shared. Replicas with the same topic share."""

    bus: Bus
    storage: BusStorage
    topic: str


class QuotaSharing:
    """Shares what the enforcer counts with the other replicas.

    `begin` and `activate` are called with each config that is put in force.
    """

    def __init__(self, enforcer: QuotaEnforcer, mirror: QuotaMirror, part: Part = WHOLE) -> None:
        """`part` is what this process may use of each limit while the bus has no JetStream to share over."""
        self._enforcer = enforcer
        self._part = part
        self._mirror = mirror
        self._events = QuotaEvents()
        self._is_storing = False
        self._location: BucketLocation | None = None
        self._replicator: UsageReplicator | None = None

    def begin(self, owner: TaskOwner, *, has_limits: bool) -> None:
        """From the first config on that has limits, count from where the usage on disk ends, and store."""
        if not has_limits or self._is_storing:
            return
        self._is_storing = True
        self._mirror.load(self._enforcer.table, self._enforcer.clock())
        self._enforcer.save = self._mirror.save
        self._enforcer.report = self._events.report
        owner.spawn(self._mirror.run(self._enforcer.table, self._enforcer.clock), "usage on disk")
        owner.spawn(self._events.run(), "events of budgets")

    async def activate(self, location: BucketLocation, gateway_id: str) -> None:
        """Share at a location, if `begin` has found limits. Waits a moment for the others' usage."""
        if not self._is_storing:
            return
        self._events.send_to(location.bus, location.topic, gateway_id)
        if location == self._location:
            return
        old, self._location = self._replicator, location
        bucket = KeyValue(location.bus, location.storage.bucket(BUCKET), replicas=location.storage.replicas)
        naming = Naming(location.topic, self._mirror.replica, levels=2)
        self._replicator = UsageReplicator(
            location.bus,
            bucket,
            naming,
            self._enforcer.table,
            log=log,
            messages=_MESSAGES,
            pace=_PACE,
            on_sharing=self._on_sharing,
        )
        self._enforcer.publish = self._replicator.notify
        if old is not None:
            await old.close()
        await self._replicator.ready(_READY_TIMEOUT_S)

    def _on_sharing(self, is_possible: bool) -> None:  # noqa: FBT001 - a callback
        """Without JetStream, workers do not know what the others count. They must not use more than one limit."""
        if self._enforcer.limits.divide(WHOLE if is_possible else self._part) and not is_possible:
            log.warning("limits are divided among workers", workers=self._part.count)

    async def stop(self) -> None:
        """Publish and store the last usage."""
        if self._replicator is not None:
            await self._replicator.close()
        if self._is_storing:
            self._mirror.close(self._enforcer.table, self._enforcer.clock())
