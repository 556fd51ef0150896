"""Measures the usage of one subject, such as a router or a client key, across all replicas.

No clock, no I/O: the caller passes times in milliseconds since 1970. Each replica counts its own usage, which only
grows, and merges that of the others. The usage is the sum. No replica changes the numbers of another, so they converge
without agreement (a grow-only counter).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Protocol

Buckets = tuple[tuple[int, Mapping[str, int]], ...]
"""Usage per bucket of the window: the time of the latest use, and counts by field."""

CLOCK_SKEW_MS = 60_000
"""How far the clocks of replicas may differ."""

_MOST_ENDED = 2  # buckets of its own that a replica keeps although they count no more
_FOREVER = 2**63


class WindowLike(Protocol):
    """The window over which usage counts, fixed, sliding or of a calendar."""

    def bucket_bounds(self, when: int) -> tuple[int, int]: ...
    def enters(self, when: int) -> int: ...
    def leaves(self, when: int) -> int: ...
    def keeps(self, when: int, now: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class ReplicaUsage:
    """The usage of a subject by one replica. After `until`, none of it counts by that replica's config.

    The names of the fields are those in the key-value bucket.
    """

    uses: Buckets
    until: int


@dataclass(slots=True)
class _Bucket:
    """The usage of this replica from `begins` until `ends`. All of it counts from the time of the latest use."""

    begins: int
    ends: int
    last: int
    used: dict[str, int]


class Meter:
    """The usage of one subject in a window.

    The sum is cached from `_since` until `_until`, when some usage starts or stops to count.
    """

    __slots__ = ("_others", "_own", "_since", "_until", "_used", "window")

    def __init__(self, window: WindowLike) -> None:
        self.window = window
        self._own: list[_Bucket] = []
        self._others: dict[str, ReplicaUsage] = {}
        self._used: dict[str, int] = {}
        self._since = self._until = 0

    # --------------------------------------------------------------- counting

    def used(self, now: int) -> Mapping[str, int]:
        """Return the usage that counts now, by field. The result changes with later calls."""
        if not self._since <= now < self._until:
            self._refresh(now)
        return self._used

    def add(self, counts: Mapping[str, int], now: int) -> Mapping[str, int]:
        """Add usage of this replica. Counts are not negative. Return the usage that counts now, as `used` does."""
        if not self._since <= now < self._until:
            self._refresh(now)
        own = self._bucket(now).used
        used = self._used
        for field, count in counts.items():
            used[field] = used.get(field, 0) + count
            own[field] = own.get(field, 0) + count
        return used

    def leaving(self, now: int) -> list[tuple[int, Mapping[str, int]]]:
        """Return the usage that counts now, with the moments at which it stops to count, in their order."""
        return sorted(((self.window.leaves(when), used) for when, used in self._counting(now)), key=itemgetter(0))

    def free_at(self, field: str, limit: int, now: int) -> int:
        """Return when the usage of a field falls below a limit, if there is no further usage."""
        when, used = now, self.used(now).get(field, 0)
        for moment, counts in self.leaving(now):
            if used < limit:
                break
            used -= counts.get(field, 0)
            when = moment
        return when

    def unused_at(self, now: int) -> int:
        """Return when no usage counts any more, if there is no further usage."""
        latest = [usage.uses[-1][0] for usage in self._others.values() if usage.uses] if self._others else []
        if self._own:
            latest.append(self._own[-1].last)
        return max(now, self.window.leaves(max(latest))) if latest else now

    @property
    def until(self) -> int:
        """When what `used` has returned last is no longer right."""
        return self._until

    # --------------------------------------------------------------- replicas

    @property
    def has_own(self) -> bool:
        """Whether this replica has counted anything."""
        return bool(self._own)

    @property
    def replicas(self) -> Mapping[str, ReplicaUsage]:
        """The usage of the other replicas."""
        return self._others

    def own(self, now: int) -> ReplicaUsage:
        """Return the usage of this replica, to be published."""
        buckets = [(one.last, dict(one.used)) for one in self._kept(now)]
        return ReplicaUsage(tuple(buckets), max((self.window.leaves(when) for when, _ in buckets), default=now))

    def restore(self, usage: ReplicaUsage) -> None:
        """Begin with usage of this replica that was stored before a restart."""
        self._own = [_Bucket(when, 0, when, dict(used)) for when, used in usage.uses]
        self._until = 0

    def merge(self, replica: str, usage: ReplicaUsage) -> None:
        """Merge the usage of another replica. It replaces the earlier value of that replica."""
        self._others[replica] = usage
        self._until = 0  # recalculated on the next access

    def expire(self, now: int) -> list[str]:
        """Drop usage that no longer counts by any replica's config. Return the replicas whose usage that was."""
        gone = [
            replica
            for replica, usage in self._others.items()
            if now >= usage.until + CLOCK_SKEW_MS and not any(self.window.keeps(when, now) for when, _ in usage.uses)
        ]
        for replica in gone:
            del self._others[replica]
        return gone

    # ----------------------------------------------------------------- config

    def change(self, window: WindowLike, fields: frozenset[str], now: int) -> None:
        """Count `fields` in another window. Usage that has expired by the old window does not count again."""
        before = self.window
        self._own = [
            _Bucket(one.begins, 0, one.last, used)
            for one in self._own
            if before.keeps(one.last, now)
            and (used := {name: count for name, count in one.used.items() if name in fields})
        ]
        self._others = {
            replica: ReplicaUsage(tuple(use for use in usage.uses if before.keeps(use[0], now)), usage.until)
            for replica, usage in self._others.items()
        }
        self.window, self._until = window, 0

    def align(self, window: WindowLike) -> None:
        """Count in a window with another start. New usage goes into another bucket."""
        self.window, self._until = window, 0
        if self._own:
            self._own[-1].ends = 0

    # ----------------------------------------------------------------- inside

    def _bucket(self, now: int) -> _Bucket:
        """Return the bucket for usage at this time."""
        own = self._own
        if own and (last := own[-1]).begins <= now < last.ends:
            last.last = now
            return last
        own[:] = self._kept(now)
        own.append(_Bucket(*self.window.bucket_bounds(now), now, {}))
        self._until = min(self._until, self.window.leaves(now))
        return own[-1]

    def _kept(self, now: int) -> list[_Bucket]:
        """The buckets that count now or soon, and the latest ones: a clock that was ahead may have been set back."""
        latest = self._own[-_MOST_ENDED:]
        return [one for one in self._own if one in latest or self.window.keeps(one.last, now)]

    def _refresh(self, now: int) -> None:
        """Recalculate the sum."""
        entering = (self.window.enters(when) for when, _ in self._uses())
        leaving = (self.window.leaves(when) for when, _ in self._uses())
        self._until = min((moment for moment in chain(entering, leaving) if moment > now), default=_FOREVER)
        self._since = now
        self._used = {}
        for _, used in self._counting(now):
            for field, count in used.items():
                self._used[field] = self._used.get(field, 0) + count

    def _counting(self, now: int) -> Iterator[tuple[int, Mapping[str, int]]]:
        window = self.window
        return ((when, used) for when, used in self._uses() if window.enters(when) <= now < window.leaves(when))

    def _uses(self) -> Iterator[tuple[int, Mapping[str, int]]]:
        yield from ((one.last, one.used) for one in self._own)
        for usage in self._others.values():
            yield from usage.uses
