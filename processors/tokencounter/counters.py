"""Counts the usage of each router across all replicas, and compares it with its caps.

No clock, no I/O: the caller passes times in milliseconds since 1970. Each replica counts its own usage, which only
grows, and merges that of the others. The usage is the sum. No replica changes the numbers of another, so they converge
without agreement (a grow-only counter).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

from processors.tokencounter.window import Window

Caps = Mapping[str, Mapping[str, int]]
"""Maps router path and field to the count at which calls are refused (0: never)."""

Buckets = tuple[tuple[int, Mapping[str, int]], ...]
"""Usage per bucket of the window: the time of the latest use, and tokens by field."""

_FOREVER = 2**63
_URGENT_RATIO = 0.9  # of a cap: from here on, changes are published at once
_CLOCK_SKEW_MS = 60_000  # how far the clocks of replicas may differ


@dataclass(frozen=True, slots=True)
class ReplicaUsage:
    """The usage of a router by one replica. After `until`, none of it counts by that replica's config.

    The names of the fields are those in the key-value bucket.
    """

    uses: Buckets
    until: int


@dataclass(slots=True)
class _Bucket:
    """The total usage from `begins` until `ends`. All of it counts from the time of the latest use."""

    begins: int
    ends: int
    last: int
    used: dict[str, int]


class _UsageTotal:
    """The usage of one router. It is valid from `since` until `until`, when some usage starts or stops to count."""

    __slots__ = ("_limits", "caps", "exhausted", "since", "until", "urgent", "used")

    def __init__(self, caps: Mapping[str, int]) -> None:
        self.caps = [(field, cap) for field, cap in caps.items() if cap > 0]
        self._limits = [(field, cap, cap * _URGENT_RATIO) for field, cap in self.caps]
        self.used = dict.fromkeys(caps, 0)
        self.since = self.until = 0
        self.exhausted = self.urgent = False

    def set(self, counting: Iterable[Mapping[str, int]], since: int, until: int) -> None:
        self.used = dict.fromkeys(self.used, 0)
        self.since, self.until = since, until
        for used in counting:
            for field in self.used.keys() & used.keys():
                self.used[field] += used[field]
        self._judge()

    def add(self, counts: Mapping[str, int], kept: dict[str, int]) -> None:
        """Add counts to the total, and to the bucket `kept`."""
        for field, count in counts.items():
            self.used[field] += count
            kept[field] = kept.get(field, 0) + count
        self._judge()

    def _judge(self) -> None:
        self.exhausted = self.urgent = False
        for field, cap, near in self._limits:
            if self.used[field] >= near:
                self.urgent = True
                self.exhausted = self.exhausted or self.used[field] >= cap


class Counters:
    """Counts the fields in `caps`. All other routers and fields are ignored, so memory is bounded.

    `changed` contains the capped routers with counts that are not published yet. The publisher removes them. `urgent`
    means that a cap is close, and that they should be published at once.
    """

    def __init__(self, caps: Caps, window: Window) -> None:
        self.window = window
        self.changed: set[str] = set()
        self.urgent = False
        self._own: dict[str, list[_Bucket]] = {}
        self._others: dict[str, dict[str, ReplicaUsage]] = {}
        self._totals = {router: _UsageTotal(fields) for router, fields in caps.items()}

    # --------------------------------------------------------------- calls

    def add(self, router: str, counts: Mapping[str, int], now: int) -> None:
        """Add the usage of a response. Counts are not negative."""
        total = self._totals.get(router)
        if total is None:
            return
        known = {field: count for field, count in counts.items() if count and field in total.used}
        if not known:
            return
        if not total.since <= now < total.until:
            self._refresh(router, total, now)
        was_exhausted = total.exhausted
        total.add(known, self._bucket(router, total, now).used)
        if total.caps:
            self.changed.add(router)
            self.urgent = self.urgent or (total.urgent and not was_exhausted)

    def capped(self, router: str) -> list[str]:
        """Return the capped fields of a router."""
        total = self._totals.get(router)
        return [field for field, _ in total.caps] if total is not None else []

    def exhausted(self, router: str, now: int) -> bool:
        """Tell whether a field of `router` has reached its cap."""
        total = self._totals.get(router)
        if total is None:
            return False
        if not total.since <= now < total.until:
            self._refresh(router, total, now)
        return total.exhausted

    def free_at(self, router: str, now: int) -> int:
        """Return when calls of an exhausted router pass again, if there is no further usage."""
        total = self._totals[router]
        self._refresh(router, total, now)
        counting = ((self.window.leaves(when), used) for when, used in self._counting(router, now))
        leaving = sorted(counting, key=itemgetter(0))
        return max((_below(field, cap, total.used[field], leaving, now) for field, cap in total.caps), default=now)

    # ------------------------------------------------------------ replicas

    def own(self, router: str, now: int) -> ReplicaUsage:
        """Return the usage of this replica, to be published."""
        buckets = [(one.last, dict(one.used)) for one in self._own.get(router, ()) if self.window.keeps(one.last, now)]
        return ReplicaUsage(tuple(buckets), max((self.window.leaves(when) for when, _ in buckets), default=now))

    def merge(self, router: str, replica: str, usage: ReplicaUsage) -> None:
        """Merge the usage of another replica. It replaces the earlier value of that replica."""
        self._others.setdefault(router, {})[replica] = usage
        if router in self._totals:
            self._totals[router].until = 0  # recalculated on the next access

    def mark_all_changed(self) -> None:
        """Mark all counts as unpublished, because the other replicas may have lost them."""
        self.changed.update(router for router in self._own if (total := self._totals.get(router)) and total.caps)

    def expire(self, now: int) -> list[tuple[str, str]]:
        """Drop usage that no longer counts by any replica's config. Return router and replica of each."""
        gone = [
            (router, replica)
            for router, usages in self._others.items()
            for replica, usage in usages.items()
            if now >= usage.until + _CLOCK_SKEW_MS and not any(self.window.keeps(when, now) for when, _ in usage.uses)
        ]
        for router, replica in gone:
            del self._others[router][replica]
        return gone

    # -------------------------------------------------------------- config

    def apply(self, caps: Caps, window: Window, now: int) -> None:
        """Apply a new config. Current counts of fields that are still listed are kept."""
        own = {router: buckets for router, buckets in self._own.items() if router in caps}
        kept = {router: _filtered(buckets, caps[router], self.window, now) for router, buckets in own.items()}
        self._own = {router: buckets for router, buckets in kept.items() if buckets}
        for usages in self._others.values():
            usages.update({replica: _expired_removed(usage, self.window, now) for replica, usage in usages.items()})
        self._totals = {router: _UsageTotal(fields) for router, fields in caps.items()}
        self.window = window
        self.changed.clear()
        self.mark_all_changed()

    def align(self, began: int) -> None:
        """Align the periods with those of the other replicas, one of which began at `began`."""
        self.window = self.window.beginning(began)
        for total in self._totals.values():
            total.until = 0
        for buckets in self._own.values():
            buckets[-1].ends = 0  # new usage goes into another bucket

    # -------------------------------------------------------------- inside

    def _bucket(self, router: str, total: _UsageTotal, now: int) -> _Bucket:
        """Return the bucket for usage at this time."""
        buckets = self._own.setdefault(router, [])
        if not (buckets and buckets[-1].begins <= now < buckets[-1].ends):
            buckets[:] = [one for one in buckets if self.window.keeps(one.last, now)]
            buckets.append(_Bucket(*self.window.bucket_bounds(now), now, {}))
            total.until = min(total.until, self.window.leaves(now))
        buckets[-1].last = now
        return buckets[-1]

    def _refresh(self, router: str, total: _UsageTotal, now: int) -> None:
        """Recalculate the total."""
        entering = (self.window.enters(when) for when, _ in self._uses(router))
        leaving = (self.window.leaves(when) for when, _ in self._uses(router))
        until = min((moment for moment in chain(entering, leaving) if moment > now), default=_FOREVER)
        total.set((used for _, used in self._counting(router, now)), now, until)

    def _counting(self, router: str, now: int) -> Iterator[tuple[int, Mapping[str, int]]]:
        window = self.window
        return ((when, used) for when, used in self._uses(router) if window.enters(when) <= now < window.leaves(when))

    def _uses(self, router: str) -> Iterator[tuple[int, Mapping[str, int]]]:
        yield from ((one.last, one.used) for one in self._own.get(router, ()))
        for usage in self._others.get(router, {}).values():
            yield from usage.uses


def _filtered(buckets: list[_Bucket], fields: Mapping[str, int], window: Window, now: int) -> list[_Bucket]:
    """Return the buckets that still count, with the fields that are still counted."""
    return [
        _Bucket(one.begins, 0, one.last, {field: count for field, count in one.used.items() if field in fields})
        for one in buckets
        if window.keeps(one.last, now)
    ]


def _expired_removed(usage: ReplicaUsage, window: Window, now: int) -> ReplicaUsage:
    """Return the usage without expired buckets, which must not count again with a longer period."""
    return ReplicaUsage(tuple((when, used) for when, used in usage.uses if window.keeps(when, now)), usage.until)


def _below(field: str, cap: int, used: int, leaving: list[tuple[int, Mapping[str, int]]], now: int) -> int:
    """Return when `used` falls below `cap`, as the buckets leave the window one after the other."""
    when = now
    for moment, counts in leaving:
        if used < cap:
            break
        used -= counts.get(field, 0)
        when = moment
    return when
