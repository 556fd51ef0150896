"""Counts the usage of each router across all replicas, and compares it with its caps.

No clock, no I/O: the caller passes times in milliseconds since 1970. A meter for each router counts, see
`gecholog.quota.meter`.
"""

from __future__ import annotations

from collections.abc import Mapping

from gecholog.quota.meter import Meter, ReplicaUsage
from gecholog.quota.window import Window

Caps = Mapping[str, Mapping[str, int]]
"""Maps router path and field to the count at which calls are refused (0: never)."""

_URGENT_RATIO = 0.9  # of a cap: from here on, changes are published at once


class _Capped:
    """The caps of one router, and its meter."""

    __slots__ = ("_limits", "caps", "fields", "meter")

    def __init__(self, caps: Mapping[str, int], meter: Meter) -> None:
        self.meter = meter
        self.fields = frozenset(caps)
        self.caps = [(field, cap) for field, cap in caps.items() if cap > 0]
        self._limits = [(field, cap * _URGENT_RATIO) for field, cap in self.caps]

    def is_exhausted(self, now: int) -> bool:
        """Tell whether a field has reached its cap."""
        used = self.meter.used(now)
        return any(used.get(field, 0) >= cap for field, cap in self.caps)

    def is_urgent(self, now: int) -> bool:
        """Tell whether a cap is close."""
        used = self.meter.used(now)
        return any(used.get(field, 0) >= near for field, near in self._limits)


class Counters:
    """Counts the fields in `caps`. All other routers and fields are ignored, so memory is bounded.

    `changed` contains the capped routers with counts that are not published yet. The publisher removes them. `urgent`
    means that a cap is close, and that they should be published at once.
    """

    def __init__(self, caps: Caps, window: Window) -> None:
        self.window = window
        self.changed: set[str] = set()
        self.urgent = False
        self._meters: dict[str, Meter] = {}
        self._capped = {router: _Capped(fields, self._meter(router)) for router, fields in caps.items()}

    # --------------------------------------------------------------- calls

    def add(self, router: str, counts: Mapping[str, int], now: int) -> None:
        """Add the usage of a response. Counts are not negative."""
        capped = self._capped.get(router)
        if capped is None:
            return
        known = {field: count for field, count in counts.items() if count and field in capped.fields}
        if not known:
            return
        was_exhausted = capped.is_exhausted(now)
        capped.meter.add(known, now)
        if capped.caps:
            self.changed.add(router)
            self.urgent = self.urgent or (not was_exhausted and capped.is_urgent(now))

    def capped(self, router: str) -> list[str]:
        """Return the capped fields of a router."""
        capped = self._capped.get(router)
        return [field for field, _ in capped.caps] if capped is not None else []

    def exhausted(self, router: str, now: int) -> bool:
        """Tell whether a field of `router` has reached its cap."""
        capped = self._capped.get(router)
        return capped is not None and capped.is_exhausted(now)

    def free_at(self, router: str, now: int) -> int:
        """Return when calls of an exhausted router pass again, if there is no further usage."""
        capped = self._capped[router]
        return max((capped.meter.free_at(field, cap, now) for field, cap in capped.caps), default=now)

    # ------------------------------------------------------------ replicas

    def own(self, router: str, now: int) -> ReplicaUsage:
        """Return the usage of this replica, to be published."""
        return self._meter(router).own(now)

    def merge(self, router: str, replica: str, usage: ReplicaUsage) -> None:
        """Merge the usage of another replica. It replaces the earlier value of that replica."""
        self._meter(router).merge(replica, usage)

    def mark_all_changed(self) -> None:
        """Mark all counts as unpublished, because the other replicas may have lost them."""
        self.changed.update(router for router, one in self._capped.items() if one.caps and one.meter.has_own)

    def expire(self, now: int) -> list[tuple[str, str]]:
        """Drop usage that no longer counts by any replica's config. Return router and replica of each."""
        return [(router, replica) for router, meter in self._meters.items() for replica in meter.expire(now)]

    # -------------------------------------------------------------- config

    def apply(self, caps: Caps, window: Window, now: int) -> None:
        """Apply a new config. Current counts of fields that are still listed are kept."""
        for router, meter in self._meters.items():
            meter.change(window, frozenset(caps.get(router, ())), now)
        self.window = window
        self._capped = {router: _Capped(fields, self._meter(router)) for router, fields in caps.items()}
        self.changed.clear()
        self.mark_all_changed()

    def align(self, began: int) -> None:
        """Align the periods with those of the other replicas, one of which began at `began`."""
        self.window = self.window.beginning(began)
        for meter in self._meters.values():
            meter.align(self.window)

    def _meter(self, router: str) -> Meter:
        meter = self._meters.get(router)
        if meter is None:
            meter = self._meters[router] = Meter(self.window)
        return meter
