"""How much each router has used in the present period, and whether that is as much as its cap. No clock, no I/O.

Times are seconds of any steady clock, given by the caller. A period begins when the counters are made; all counters go
back to zero when it is over, and the next begins there and then.
"""

from __future__ import annotations

from collections.abc import Mapping

Caps = Mapping[str, Mapping[str, int]]
"""Router path → field → the number at which calls are refused (0: never)."""


class Counters:
    """Counts the fields that `caps` names; all other routers and fields are of no interest, so memory is bounded."""

    def __init__(self, caps: Caps, period: float, now: float) -> None:
        self._caps = caps
        self._period = period
        self._began = now
        self._used = _zeros(caps)

    def add(self, router: str, counts: Mapping[str, int], now: float) -> None:
        """Add what one answer used. Counts are not negative."""
        self._turn(now)
        used = self._used.get(router)
        if used is None:
            return
        for field in used.keys() & counts.keys():
            used[field] += counts[field]

    def exhausted(self, router: str, now: float) -> bool:
        """Tell whether a field of `router` has reached its cap."""
        caps = self._caps.get(router)
        if caps is None:
            return False
        self._turn(now)
        used = self._used[router]
        return any(used[field] >= cap > 0 for field, cap in caps.items())

    def under(self, caps: Caps, period: float, now: float) -> Counters:
        """Counters for a new config. What stays capped goes on from its number; the period began when it began."""
        self._turn(now)
        fresh = Counters(caps, period, self._began)
        for router, fields in fresh._used.items():
            known = self._used.get(router, {})
            fields.update({field: known[field] for field in fields.keys() & known.keys()})
        fresh._turn(now)
        return fresh

    def _turn(self, now: float) -> None:
        """Begin the present period if the one before is over."""
        periods = (now - self._began) // self._period
        if periods >= 1:
            self._began += periods * self._period
            self._used = _zeros(self._caps)


def _zeros(caps: Caps) -> dict[str, dict[str, int]]:
    return {router: dict.fromkeys(fields, 0) for router, fields in caps.items()}
