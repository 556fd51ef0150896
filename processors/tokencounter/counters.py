"""How much each router has used, here and at the other replicas, and whether that is as much as its cap.

No clock, no I/O: times are milliseconds since 1970, given by the caller. Each replica counts its own uses, which only
grow, and hears of those of the others; used is the sum. Nothing is ever taken from a number that somebody else writes,
so replicas need no agreement to be right in the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

from processors.tokencounter.window import Window

Caps = Mapping[str, Mapping[str, int]]
"""Router path → field → the number at which calls are refused (0: never)."""

Uses = tuple[tuple[int, Mapping[str, int]], ...]
"""What was used: the time of the latest use, and tokens by field, of each slice of the window."""

_FOR_EVER = 2**63
_URGENT = 0.9  # of a cap: the others should hear of it soon
_SLACK = 60_000  # milliseconds that replicas' clocks may differ without harm to what they write


@dataclass(frozen=True, slots=True)
class Share:
    """What one replica used of a router. From `until` on, by the replica's own config, none of it counts."""

    uses: Uses
    until: int


@dataclass(slots=True)
class _Slice:
    """Uses from `begins` until `ends`, in sum; they count as if all were made when the last was."""

    begins: int
    ends: int
    last: int
    used: dict[str, int]


class _Tally:
    """What one router has used by now; good from `since` until `until`, when something comes to count or ceases to."""

    __slots__ = ("_limits", "caps", "exhausted", "since", "until", "urgent", "used")

    def __init__(self, caps: Mapping[str, int]) -> None:
        self.caps = [(field, cap) for field, cap in caps.items() if cap > 0]
        self._limits = [(field, cap, cap * _URGENT) for field, cap in self.caps]
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
        """Add to what is used, and to what of it is `kept`."""
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
    """Counts the fields that `caps` names; all other routers and fields are of no interest, so memory is bounded.

    `changed` are the routers with a cap of which the others do not know all; who tells them takes routers out.
    `urgent`: the others should be told at once, a cap is near.
    """

    def __init__(self, caps: Caps, window: Window) -> None:
        self.window = window
        self.changed: set[str] = set()
        self.urgent = False
        self._own: dict[str, list[_Slice]] = {}
        self._others: dict[str, dict[str, Share]] = {}
        self._tallies = {router: _Tally(fields) for router, fields in caps.items()}

    # --------------------------------------------------------------- calls

    def add(self, router: str, counts: Mapping[str, int], now: int) -> None:
        """Add what one answer used. Counts are not negative."""
        tally = self._tallies.get(router)
        if tally is None:
            return
        known = {field: count for field, count in counts.items() if count and field in tally.used}
        if not known:
            return
        if not tally.since <= now < tally.until:
            self._refresh(router, tally, now)
        was_exhausted = tally.exhausted
        tally.add(known, self._slice(router, tally, now).used)
        if tally.caps:
            self.changed.add(router)
            self.urgent = self.urgent or (tally.urgent and not was_exhausted)

    def capped(self, router: str) -> list[str]:
        """The fields of a router that have a cap."""
        tally = self._tallies.get(router)
        return [field for field, _ in tally.caps] if tally is not None else []

    def exhausted(self, router: str, now: int) -> bool:
        """Tell whether a field of `router` has reached its cap."""
        tally = self._tallies.get(router)
        if tally is None:
            return False
        if not tally.since <= now < tally.until:
            self._refresh(router, tally, now)
        return tally.exhausted

    def free_at(self, router: str, now: int) -> int:
        """When calls of an exhausted router pass again, if nothing is used until then."""
        tally = self._tallies[router]
        self._refresh(router, tally, now)
        counting = ((self.window.leaves(when), used) for when, used in self._counting(router, now))
        leaving = sorted(counting, key=itemgetter(0))
        return max((_below(field, cap, tally.used[field], leaving, now) for field, cap in tally.caps), default=now)

    # ------------------------------------------------------------ replicas

    def own(self, router: str, now: int) -> Share:
        """What the others should know of this replica."""
        slices = [(one.last, dict(one.used)) for one in self._own.get(router, ()) if self.window.keeps(one.last, now)]
        return Share(tuple(slices), max((self.window.leaves(when) for when, _ in slices), default=now))

    def hear(self, router: str, replica: str, share: Share) -> None:
        """Another replica has used so much; it replaces what was heard of it before."""
        self._others.setdefault(router, {})[replica] = share
        if router in self._tallies:
            self._tallies[router].until = 0  # added up again when somebody asks

    def tell_all(self) -> None:
        """The others may have forgotten everything."""
        self.changed.update(router for router in self._own if (tally := self._tallies.get(router)) and tally.caps)

    def forget(self, now: int) -> list[tuple[str, str]]:
        """Drop what does not count any more, by anybody's config; router and replica of each."""
        gone = [
            (router, replica)
            for router, shares in self._others.items()
            for replica, share in shares.items()
            if now >= share.until + _SLACK and not any(self.window.keeps(when, now) for when, _ in share.uses)
        ]
        for router, replica in gone:
            del self._others[router][replica]
        return gone

    # -------------------------------------------------------------- config

    def take(self, caps: Caps, window: Window, now: int) -> None:
        """A new config. Of what counts now, that goes on which is still listed; the rest is forgotten."""
        own = {router: slices for router, slices in self._own.items() if router in caps}
        kept = {router: _less(slices, caps[router], self.window, now) for router, slices in own.items()}
        self._own = {router: slices for router, slices in kept.items() if slices}
        for shares in self._others.values():
            shares.update({replica: _still(share, self.window, now) for replica, share in shares.items()})
        self._tallies = {router: _Tally(fields) for router, fields in caps.items()}
        self.window = window
        self.changed.clear()
        self.tell_all()

    def turn(self, began: int) -> None:
        """All replicas' periods begin when one began at `began`."""
        self.window = self.window.beginning(began)
        for tally in self._tallies.values():
            tally.until = 0
        for slices in self._own.values():
            slices[-1].ends = 0  # what comes now belongs to another slice

    # -------------------------------------------------------------- inside

    def _slice(self, router: str, tally: _Tally, now: int) -> _Slice:
        """The slice to which a use belongs that is made now."""
        slices = self._own.setdefault(router, [])
        if not (slices and slices[-1].begins <= now < slices[-1].ends):
            slices[:] = [one for one in slices if self.window.keeps(one.last, now)]
            slices.append(_Slice(*self.window.slice(now), now, {}))
            tally.until = min(tally.until, self.window.leaves(now))
        slices[-1].last = now
        return slices[-1]

    def _refresh(self, router: str, tally: _Tally, now: int) -> None:
        """Add up what counts now."""
        entering = (self.window.enters(when) for when, _ in self._uses(router))
        leaving = (self.window.leaves(when) for when, _ in self._uses(router))
        until = min((moment for moment in chain(entering, leaving) if moment > now), default=_FOR_EVER)
        tally.set((used for _, used in self._counting(router, now)), now, until)

    def _counting(self, router: str, now: int) -> Iterator[tuple[int, Mapping[str, int]]]:
        window = self.window
        return ((when, used) for when, used in self._uses(router) if window.enters(when) <= now < window.leaves(when))

    def _uses(self, router: str) -> Iterator[tuple[int, Mapping[str, int]]]:
        yield from ((one.last, one.used) for one in self._own.get(router, ()))
        for share in self._others.get(router, {}).values():
            yield from share.uses


def _less(slices: list[_Slice], fields: Mapping[str, int], window: Window, now: int) -> list[_Slice]:
    """The part of `slices` that counts, and whose fields are still counted."""
    return [
        _Slice(one.begins, 0, one.last, {field: count for field, count in one.used.items() if field in fields})
        for one in slices
        if window.keeps(one.last, now)
    ]


def _still(share: Share, window: Window, now: int) -> Share:
    """The part of `share` that counts: what has gone must not come back with a longer period."""
    return Share(tuple((when, used) for when, used in share.uses if window.keeps(when, now)), share.until)


def _below(field: str, cap: int, used: int, leaving: list[tuple[int, Mapping[str, int]]], now: int) -> int:
    """When `used` falls below `cap`, as the uses leave one after the other."""
    when = now
    for moment, counts in leaving:
        if used < cap:
            break
        used -= counts.get(field, 0)
        when = moment
    return when
