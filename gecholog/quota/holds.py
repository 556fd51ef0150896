"""What the calls in flight of one subject hold, in all replicas: calls, and reserved tokens and money. Pure.

Each replica has sums of its own that only grow: what was taken, and what was given back. The difference is held. The
others count it until its lease expires, so that a replica that died holds nothing for long. Times are in milliseconds
since 1970.
"""

from __future__ import annotations

from typing import NamedTuple

from gecholog.quota.meter import ReplicaUsage

LEASE_MS = 30_000
RENEWAL_MS = 10_000  # after which a lease is renewed

_FIELDS = ("calls", "tokens", "nano_usd")
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
    """The holds of one subject. `renewed` is when this replica's were published last.

    `calls`, `tokens` and `nano_usd` are what this replica holds. Each call changes them four times.
    """

    __slots__ = (
        "_others",
        "calls",
        "calls_returned",
        "foreign",
        "nano_usd",
        "nano_usd_returned",
        "renewed",
        "tokens",
        "tokens_returned",
        "until",
    )

    def __init__(self) -> None:
        self.calls = self.tokens = self.nano_usd = 0  # held by this replica
        self.calls_returned = self.tokens_returned = self.nano_usd_returned = 0
        self.renewed = 0
        self._others: dict[str, tuple[Held, int]] = {}
        self.foreign = NOTHING  # the sum of the others', valid until `until`
        self.until = _FOREVER

    def give_back(self, tokens: int, nano_usd: int) -> None:
        """Hold no longer what was taken before."""
        self.tokens -= tokens
        self.tokens_returned += tokens
        self.nano_usd -= nano_usd
        self.nano_usd_returned += nano_usd

    def held(self, now: int) -> Held:
        """What all replicas hold."""
        foreign = self.foreign if now < self.until else self.refreshed(now)
        return Held(self.calls + foreign.calls, self.tokens + foreign.tokens, self.nano_usd + foreign.nano_usd)

    def refreshed(self, now: int) -> Held:
        """The sum of what the others hold now."""
        self.foreign, self.until = NOTHING, _FOREVER
        for held, until in self._others.values():
            if until > now:
                self.foreign = self.foreign.plus(held)
                self.until = min(self.until, until)
        return self.foreign

    @property
    def is_idle(self) -> bool:
        """Whether this replica holds nothing."""
        return not (self.calls or self.tokens or self.nano_usd)

    # ---------------------------------------------------------------- replicas

    def own(self, now: int) -> ReplicaUsage:
        """The sums of this replica, to be published. They are valid for one lease."""
        sums: dict[str, int] = {}
        for name in _FIELDS:
            held, returned = getattr(self, name), getattr(self, f"{name}_returned")
            sums |= {f"{name}_taken": held + returned, f"{name}_returned": returned}
        return ReplicaUsage(((now, sums),), now + LEASE_MS)

    def merge(self, replica: str, usage: ReplicaUsage, now: int) -> None:
        """Merge the sums of another replica. A clock that is ahead makes a lease no longer."""
        if usage.uses:
            sums = usage.uses[-1][1]
            counts = (max(0, sums.get(f"{name}_taken", 0) - sums.get(f"{name}_returned", 0)) for name in _FIELDS)
            self._others[replica] = (Held(*counts), min(usage.until, now + LEASE_MS))
            self.refreshed(now)

    def expire(self, now: int) -> list[str]:
        """Forget the holds of replicas whose lease has expired. Returns these replicas."""
        gone = [replica for replica, (_, until) in self._others.items() if until <= now]
        for replica in gone:
            del self._others[replica]
        self.refreshed(now)
        return gone
