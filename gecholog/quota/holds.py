"""What the calls in flight of one subject hold, in all replicas: calls, and reserved tokens and money. Pure.

Each replica has two sums of its own that only grow: what was taken, and what was given back. The difference is held.
The others count it until its lease expires, so that a replica that died holds nothing for long. Times are in
milliseconds since 1970.
"""

from __future__ import annotations

from operator import add
from typing import NamedTuple

from gecholog.quota.meter import ReplicaUsage

LEASE_MS = 30_000
RENEWAL_MS = 10_000  # after which a lease is renewed

_CALLS, _TOKENS, _NANO_USD = "calls", "tokens", "nano_usd"
_FIELDS = (_CALLS, _TOKENS, _NANO_USD)
_FOREVER = 2**63


class Held(NamedTuple):
    """Calls, and the tokens and nano-USD that are reserved for them."""

    calls: int = 0
    tokens: int = 0
    nano_usd: int = 0

    def plus(self, other: Held) -> Held:
        """The sum of both."""
        return Held(self.calls + other.calls, self.tokens + other.tokens, self.nano_usd + other.nano_usd)


NOTHING = Held()


class Holds:
    """The holds of one subject. `renewed` is when this replica's were published last."""

    __slots__ = ("_foreign", "_others", "_until", "renewed", "returned", "taken")

    def __init__(self) -> None:
        self.taken, self.returned = [0, 0, 0], [0, 0, 0]  # as in Held
        self.renewed = 0
        self._others: dict[str, tuple[Held, int]] = {}
        self._foreign = NOTHING  # the sum of the others', valid until `_until`
        self._until = _FOREVER

    def take(self, held: Held) -> None:
        """Begin to hold."""
        self.taken = list(map(add, self.taken, held))

    def give_back(self, held: Held) -> None:
        """Hold no longer what was taken before."""
        self.returned = list(map(add, self.returned, held))

    def held(self, now: int) -> Held:
        """What all replicas hold."""
        if now >= self._until:
            self._refresh(now)
        taken, returned, foreign = self.taken, self.returned, self._foreign
        return Held(
            taken[0] - returned[0] + foreign[0],
            taken[1] - returned[1] + foreign[1],
            taken[2] - returned[2] + foreign[2],
        )

    @property
    def is_idle(self) -> bool:
        """Whether this replica holds nothing."""
        return self.taken == self.returned

    # ---------------------------------------------------------------- replicas

    def own(self, now: int) -> ReplicaUsage:
        """The two sums of this replica, to be published. They are valid for one lease."""
        taken = {f"{name}_taken": count for name, count in zip(_FIELDS, self.taken, strict=True)}
        returned = {f"{name}_returned": count for name, count in zip(_FIELDS, self.returned, strict=True)}
        return ReplicaUsage(((now, taken | returned),), now + LEASE_MS)

    def merge(self, replica: str, usage: ReplicaUsage, now: int) -> None:
        """Merge the sums of another replica. A clock that is ahead makes a lease no longer."""
        if usage.uses:
            sums = usage.uses[-1][1]
            counts = (max(0, sums.get(f"{name}_taken", 0) - sums.get(f"{name}_returned", 0)) for name in _FIELDS)
            self._others[replica] = (Held(*counts), min(usage.until, now + LEASE_MS))
            self._refresh(now)

    def expire(self, now: int) -> list[str]:
        """Forget the holds of replicas whose lease has expired. Returns these replicas."""
        gone = [replica for replica, (_, until) in self._others.items() if until <= now]
        for replica in gone:
            del self._others[replica]
        self._refresh(now)
        return gone

    def _refresh(self, now: int) -> None:
        self._foreign, self._until = NOTHING, _FOREVER
        for held, until in self._others.values():
            if until > now:
                self._foreign = self._foreign.plus(held)
                self._until = min(self._until, until)
