"""The usage of all subjects that have limits, and the decision whether a call may go on. No clock, no I/O.

A subject is a client key, an owner, a router or the gateway. A call has several, and the first limit that is reached
counts. It is admitted (requests, concurrency), reserves what it may use at most (tokens, money), and is settled with
what it has used, whatever happened to it. Times are in milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from gecholog.quota.holds import NOTHING, RENEWAL_MS, Held, Holds
from gecholog.quota.limits import NANO_USD, TOKENS, Budget, Limits
from gecholog.quota.meter import Meter, ReplicaUsage
from gecholog.quota.part import part_of, parts_of
from gecholog.quota.period import Period
from gecholog.quota.window import CalendarWindow, Window

REQUESTS = "requests"
"""What meters count, besides tokens and nano-USD."""

MINUTE, DAY, HELD = "minute", "day", "held"
"""The name of the window of the last minute, of the day in UTC, and what stands in its place for holds."""

MARKS = (100, 80)
"""Percents of a budget that are reported."""

_LAST_MINUTE = Window(60_000, sliding=True, parts=20)
_REQUEST: Mapping[str, int] = {REQUESTS: 1}
_ONE_CALL = Held(1)
_URGENT = 0.9  # of a limit: from here on, changes are published at once


class Subject(NamedTuple):
    """Who has limits. `name` is unique: `gateway`, `router./v1/`, `owner.NAME` or `key.ID`."""

    name: str
    limits: Limits


class Quota(Enum):
    """Which limit it is."""

    RPM = "requests per minute"
    RPD = "requests per day"
    CONCURRENCY = "calls at a time"
    TPM = "tokens per minute"
    BUDGET = "budget"


class Exceeded(NamedTuple):
    """The limit that a call would exceed. `free_at` is when it may be worth another try; None: never."""

    subject: Subject
    quota: Quota
    limit: int
    free_at: int | None


class Mark(NamedTuple):
    """A budget of which so many percent are used up."""

    subject: Subject
    budget: Budget
    percent: int
    used: int
    ends: int


class Counted(NamedTuple):
    """Usage that was added to a meter, for the copy on disk."""

    name: str
    window: str
    counts: Mapping[str, int]


class Ledger:
    """Counts for the subjects of calls. `changed` are the parts that are not published yet, `urgent`: a limit is near.

    `unsaved` is the usage that is not on disk yet.
    """

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.urgent = False
        self.unsaved: list[Counted] = []
        self._meters: dict[tuple[str, str], Meter] = {}
        self._holds: dict[str, Holds] = {}

    # ------------------------------------------------------------------ calls

    def admit(self, subjects: Iterable[Subject], now: int) -> Exceeded | None:
        """Count a request that begins, unless it exceeds a limit."""
        for subject in subjects:
            if (exceeded := self._refused(subject, now)) is not None:
                return exceeded
        for name, limits in subjects:
            quotas = limits.quotas
            self._take(name, _ONE_CALL)
            if quotas.rpm is not None:
                used = self._add(name, MINUTE, _REQUEST, now)
                self._hurry(used.get(REQUESTS, 0), quotas.rpm)
            if quotas.rpd is not None:
                used = self._add(name, DAY, _REQUEST, now)
                self._hurry(used.get(REQUESTS, 0), quotas.rpd)
            if quotas.concurrency is not None:
                self._hurry(self._holds[name].held(now).calls, quotas.concurrency)
        return None

    def reserve(self, subjects: Iterable[Subject], wanted: Held, now: int) -> Exceeded | None:
        """Hold the tokens and the money that a call may use, unless that exceeds a limit."""
        for subject in subjects:
            if (exceeded := self._unaffordable(subject, wanted, now)) is not None:
                return exceeded
        for name, _ in subjects:
            self._take(name, wanted)
        return None

    def settle(self, subjects: Iterable[Subject], reserved: Held, used: Held, now: int) -> list[Mark]:
        """Count what a call has used in place of what it reserved. Returns the marks that budgets have reached.

        `reserved` is what `reserve` was called with, nothing if it was not called.
        """
        marks: list[Mark] = []
        for subject in subjects:
            name, limits = subject
            budget, tpm = limits.budget, limits.quotas.tpm
            self._give_back(name, reserved)
            if tpm is not None and used.tokens:
                counted = self._add(name, MINUTE, {TOKENS: used.tokens}, now)
                self._hurry(counted.get(TOKENS, 0), tpm)
            if budget is not None:
                counts = {REQUESTS: 1, TOKENS: used.tokens, NANO_USD: used.nano_usd}
                spent = self._add(name, budget.window, counts, now)[budget.unit]
                self._hurry(spent, budget.amount)
                if spent * 100 >= budget.amount * MARKS[-1]:
                    marks += self._reached(subject, budget, spent, now)
        return marks

    def end(self, subjects: Iterable[Subject]) -> None:
        """End a call that was admitted."""
        for name, _ in subjects:
            self._give_back(name, _ONE_CALL)

    def meter(self, name: str, window: str) -> Meter:
        """The meter of a subject in a window."""
        key = name, window
        meter = self._meters.get(key)
        if meter is None:
            meter = self._meters[key] = Meter(_window_named(window))
        return meter

    def held(self, name: str, now: int) -> Held:
        """What the calls in flight of a subject hold."""
        holds = self._holds.get(name)
        return NOTHING if holds is None else holds.held(now)

    def spent(self, name: str, budget: Budget, now: int) -> int:
        """What is used of a budget, without reservations."""
        return self.meter(name, budget.window).used(now).get(budget.unit, 0)

    # --------------------------------------------------------------- decisions

    def _refused(self, subject: Subject, now: int) -> Exceeded | None:
        """The limit of requests or concurrency that one more call would exceed."""
        name, quotas = subject.name, subject.limits.quotas
        if quotas.concurrency is not None and self.held(name, now).calls >= quotas.concurrency:
            return Exceeded(subject, Quota.CONCURRENCY, quotas.concurrency, now + 1000)
        if quotas.rpm is not None and self._requests(name, MINUTE, now) >= quotas.rpm:
            free_at = self.meter(name, MINUTE).free_at(REQUESTS, quotas.rpm, now)
            return Exceeded(subject, Quota.RPM, quotas.rpm, free_at)
        if quotas.rpd is not None and self._requests(name, DAY, now) >= quotas.rpd:
            return Exceeded(subject, Quota.RPD, quotas.rpd, _window_named(DAY).leaves(now))
        return None

    def _unaffordable(self, subject: Subject, wanted: Held, now: int) -> Exceeded | None:
        """The limit of tokens or money that a reservation would exceed."""
        name, tpm, budget = subject.name, subject.limits.quotas.tpm, subject.limits.budget
        if tpm is None and budget is None:
            return None
        held = self.held(name, now)
        if tpm is not None:
            meter, room = self.meter(name, MINUTE), tpm - held.tokens - wanted.tokens
            if meter.used(now).get(TOKENS, 0) > room:
                too_large = wanted.tokens > tpm
                free_at = max(now + 1000, meter.free_at(TOKENS, max(room, 0) + 1, now))
                return Exceeded(subject, Quota.TPM, tpm, None if too_large else free_at)
        if budget is not None:
            reserved = held.tokens + wanted.tokens if budget.is_tokens else held.nano_usd + wanted.nano_usd
            used = self.meter(name, budget.window).used(now).get(budget.unit, 0)
            if used + reserved > budget.amount:
                ends = None if budget.period is Period.TOTAL else _window_named(budget.window).leaves(now)
                return Exceeded(subject, Quota.BUDGET, budget.amount, ends)
            if used + 2 * reserved >= budget.amount:  # another replica may hold as much
                self.urgent = True
        return None

    def _reached(self, subject: Subject, budget: Budget, spent: int, now: int) -> Iterator[Mark]:
        """The highest mark that a budget has reached, unless a replica has reported it. Marks are counted as usage."""
        for percent in MARKS:
            if spent * 100 < budget.amount * percent:
                continue
            field = f"at_{percent}"
            if not self.meter(subject.name, budget.window).used(now).get(field):
                self._add(subject.name, budget.window, {field: 1}, now)
                self.urgent = True
                yield Mark(subject, budget, percent, spent, _window_named(budget.window).leaves(now))
            return

    def _requests(self, name: str, window: str, now: int) -> int:
        return self.meter(name, window).used(now).get(REQUESTS, 0)

    # ---------------------------------------------------------------- counting

    def _add(self, name: str, window: str, counts: Mapping[str, int], now: int) -> Mapping[str, int]:
        """Count usage, and return all that counts now."""
        self.changed.add(part_of(window, name))
        self.unsaved.append(Counted(name, window, counts))
        return self.meter(name, window).add(counts, now)

    def _hurry(self, used: int, limit: int) -> None:
        if used >= limit * _URGENT:
            self.urgent = True

    def _take(self, name: str, held: Held) -> None:
        holds = self._holds.get(name)
        if holds is None:
            holds = self._holds[name] = Holds()
        holds.take(held)
        self.changed.add(part_of(HELD, name))

    def _give_back(self, name: str, held: Held) -> None:
        self._holds[name].give_back(held)
        self.changed.add(part_of(HELD, name))

    # ---------------------------------------------------------------- replicas

    def own(self, part: str, now: int) -> ReplicaUsage:
        """The usage or the holds of this replica, to be published."""
        window, name = parts_of(part)
        if window != HELD:
            return self.meter(name, window).own(now)
        holds = self._holds.setdefault(name, Holds())
        holds.renewed = now
        return holds.own(now)

    def merge(self, part: str, replica: str, usage: ReplicaUsage, now: int) -> None:
        """Merge the usage or the holds of another replica. Raises ValueError if the part is none of ours."""
        window, name = parts_of(part)
        if window == HELD:
            self._holds.setdefault(name, Holds()).merge(replica, usage, now)
        else:
            self.meter(name, window).merge(replica, usage)

    def mark_all_changed(self) -> None:
        """Mark all as unpublished, because the other replicas may have lost it."""
        self.changed.update(part_of(window, name) for (name, window), meter in self._meters.items() if meter.has_own)
        self.changed.update(part_of(HELD, name) for name, holds in self._holds.items() if not holds.is_idle)

    def take_changed(self, now: int) -> list[str]:
        """Return the parts that are to be published, also to renew the leases of holds."""
        self.renew(now)
        parts = list(self.changed)
        self.changed.clear()
        self.urgent = False
        return parts

    def put_back(self, part: str) -> None:
        """Publish a part again later."""
        self.changed.add(part)

    def renew(self, now: int) -> None:
        """Mark holds as unpublished whose lease has to be renewed."""
        self.changed.update(
            part_of(HELD, name)
            for name, holds in self._holds.items()
            if not holds.is_idle and now - holds.renewed >= RENEWAL_MS
        )

    def expire(self, now: int) -> list[tuple[str, str]]:
        """Forget what no longer counts. Returns parts and replicas."""
        gone = [
            (part_of(window, name), replica)
            for (name, window), meter in self._meters.items()
            for replica in meter.expire(now)
        ]
        gone += [(part_of(HELD, name), replica) for name, one in self._holds.items() for replica in one.expire(now)]
        return gone

    # ---------------------------------------------------------------- on disk

    def count_again(self, counted: Counted, when: int) -> None:
        """Count usage of this replica that is on disk, from before a restart. Usage that is over does not count."""
        self.meter(counted.name, counted.window).add(counted.counts, when)

    def restore(self, part: str, replica: str, usage: ReplicaUsage) -> None:
        """Take usage from the disk, as `usages` yielded it. Raises ValueError if there is no such part."""
        window, name = parts_of(part)
        meter = self.meter(name, window)
        if replica:
            meter.merge(replica, usage)
        else:
            meter.restore(usage)

    def usages(self, now: int) -> Iterator[tuple[str, str, ReplicaUsage]]:
        """The usage that all replicas have counted: part, replica (empty: this one), and usage."""
        for (name, window), meter in self._meters.items():
            part = part_of(window, name)
            if meter.has_own:
                yield part, "", meter.own(now)
            yield from ((part, replica, usage) for replica, usage in meter.replicas.items())


def _window_named(name: str) -> Window | CalendarWindow:
    """The window of a name. Raises ValueError if there is none."""
    if name == MINUTE:
        return _LAST_MINUTE
    period, _, time_zone = name.partition("@")
    return CalendarWindow(Period(period), time_zone or "UTC")
