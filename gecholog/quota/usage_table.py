"""The usage of all subjects that have limits, in this replica and in the others. No clock, no I/O.

A subject is a client key, an owner, a router or the gateway. `accounts` are those of a call. Times are in milliseconds
since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from gecholog.quota.account import Account
from gecholog.quota.accounts import Accounts
from gecholog.quota.changes import Changes
from gecholog.quota.holds import NOTHING, RENEWAL_MS, Held, Holds
from gecholog.quota.limits import Budget
from gecholog.quota.meter import Meter, ReplicaUsage
from gecholog.quota.part import part_of, parts_of
from gecholog.quota.period import Period
from gecholog.quota.subject import HELD, MINUTE, Subject
from gecholog.quota.tally import Tally
from gecholog.quota.window import CalendarWindow, Window

_LAST_MINUTE = Window(60_000, sliding=True, parts=20)


class Counted(NamedTuple):
    """Usage that was added to a meter, as the copy on disk has it."""

    name: str
    window: str
    counts: Mapping[str, int]


class UsageTable:
    """Counts for the subjects of calls. `changes` are not published yet."""

    def __init__(self) -> None:
        self.changes = Changes()
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._holds: dict[str, Holds] = {}

    def accounts(self, subjects: Iterable[Subject]) -> Accounts:
        """The accounts of subjects. Those of subjects with the same name count together, whatever their limits are."""
        return Accounts((Account(one, self._tally, self._holds_of(one.name)) for one in subjects), self.changes)

    def meter(self, name: str, window: str) -> Meter:
        """The meter of a subject in a window."""
        return self._tally(name, window).meter()

    def _tally(self, name: str, window: str) -> Tally:
        key = name, window
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(_window_named(window))
        return tally

    def held(self, name: str, now: int) -> Held:
        """What the calls in flight of a subject hold."""
        holds = self._holds.get(name)
        return NOTHING if holds is None else holds.held(now)

    def spent(self, name: str, budget: Budget, now: int) -> int:
        """What is used of a budget, without reservations."""
        return self.meter(name, budget.window).used(now).get(budget.unit, 0)

    def _holds_of(self, name: str) -> Holds:
        holds = self._holds.get(name)
        if holds is None:
            holds = self._holds[name] = Holds()
        return holds

    @property
    def urgent(self) -> bool:
        """Whether changes should be published at once."""
        return self.changes.urgent

    # ---------------------------------------------------------------- replicas

    def own(self, part: str, now: int) -> ReplicaUsage:
        """The usage or the holds of this replica, to be published."""
        window, name = parts_of(part)
        if window != HELD:
            return self.meter(name, window).own(now)
        holds = self._holds_of(name)
        holds.renewed = now
        return holds.own(now)

    def merge(self, part: str, replica: str, usage: ReplicaUsage, now: int) -> None:
        """Merge the usage or the holds of another replica. Raises ValueError if the part is invalid."""
        window, name = parts_of(part)
        if window == HELD:
            self._holds_of(name).merge(replica, usage, now)
        else:
            self.meter(name, window).merge(replica, usage)

    def mark_all_changed(self) -> None:
        """Mark all as unpublished, because the other replicas may have lost it."""
        parts = self.changes.parts
        parts.update(part_of(window, name) for (name, window), one in self._tallies.items() if one.meter().has_own)
        parts.update(part_of(HELD, name) for name, holds in self._holds.items() if not holds.is_idle)

    def take_changed(self, now: int) -> list[str]:
        """Return the parts that are to be published, also to renew the leases of holds."""
        self.renew(now)
        return self.changes.take()

    def put_back(self, part: str) -> None:
        """Publish a part again later."""
        self.changes.parts.add(part)

    def renew(self, now: int) -> None:
        """Mark holds as unpublished whose lease has to be renewed."""
        self.changes.parts.update(
            part_of(HELD, name)
            for name, holds in self._holds.items()
            if not holds.is_idle and now - holds.renewed >= RENEWAL_MS
        )

    def expire(self, now: int) -> list[tuple[str, str]]:
        """Forget what no longer counts. Returns parts and replicas."""
        gone = [
            (part_of(window, name), replica)
            for (name, window), tally in self._tallies.items()
            for replica in tally.meter().expire(now)
        ]
        gone += [(part_of(HELD, name), replica) for name, one in self._holds.items() for replica in one.expire(now)]
        return gone

    # ---------------------------------------------------------------- on disk

    def count_again(self, counted: Counted, when: int) -> None:
        """Count usage of this replica that is on disk, from before a restart. Usage that is over does not count."""
        self.meter(counted.name, counted.window).add(counted.counts, when)

    def restore(self, part: str, replica: str, usage: ReplicaUsage) -> None:
        """Take usage from the disk, as `usages` yielded it. Raises ValueError if the part is invalid."""
        window, name = parts_of(part)
        meter = self.meter(name, window)
        if replica:
            meter.merge(replica, usage)
        else:
            meter.restore(usage)

    def usages(self, now: int) -> Iterator[tuple[str, str, ReplicaUsage]]:
        """The usage that all replicas have counted: part, replica (empty: this one), and usage."""
        for (name, window), tally in self._tallies.items():
            meter, part = tally.meter(), part_of(window, name)
            if meter.has_own:
                yield part, "", meter.own(now)
            yield from ((part, replica, usage) for replica, usage in meter.replicas.items())


def _window_named(name: str) -> Window | CalendarWindow:
    """The window of a name. Raises ValueError if the name is invalid."""
    if name == MINUTE:
        return _LAST_MINUTE
    period, _, time_zone = name.partition("@")
    return CalendarWindow(Period(period), time_zone or "UTC")
