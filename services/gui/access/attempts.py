"""Wrong passwords: who has to wait, and who is locked out for a while. Pure: times come in.

Wrong passwords are counted by the address they come from together with the account, and by the address alone. Beyond
the limit, that address is locked for that account. All attempts at an account are delayed a little after some wrong
ones, from wherever they came; nobody can lock somebody else out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_ACCOUNTS_PER_ADDRESS = 4  # an address that tries several accounts may fail this many times the limit in all
_MOST = 10_000  # counted pairs; then the oldest are forgotten
_FREE, _DELAY_S, _LONGEST_DELAY_S = 3, 0.2, 2.0
_FORGET_S = 900.0  # an account's wrong passwords that count for its delay


@dataclass(slots=True)
class _Count:
    wrong: int = 0
    last: float = 0.0
    locked_until: float = 0.0


class SignInAttempts:
    """Counts of wrong passwords. `limit` 0: nobody is ever locked out."""

    def __init__(self, limit: int, lock_s: float) -> None:
        self.limit = limit
        self.lock_s = lock_s
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()

    def locked_for(self, address: str, account: str, now: float) -> float:
        """Seconds for which this address may not try this account; 0 if it may."""
        counts = (self._counts.get((address, account)), self._counts.get((address, "")))
        return max((0.0, *(count.locked_until - now for count in counts if count is not None)))

    def delay(self, account: str, now: float) -> float:
        """Seconds that an answer about this account is held back."""
        count = self._counts.get(("", account))
        if count is None or now - count.last > _FORGET_S:
            return 0.0
        return min(_LONGEST_DELAY_S, _DELAY_S * max(0, count.wrong - _FREE))

    def failed(self, address: str, account: str, now: float) -> float:
        """Count a wrong password; returns the seconds for which the address is locked now, 0 if it is not."""
        self._counted("", account, now)
        limits = {account: self.limit, "": self.limit * _ACCOUNTS_PER_ADDRESS}
        for name, limit in limits.items():
            count = self._counted(address, name, now)
            if limit and count.wrong > limit:
                count.locked_until = now + self.lock_s
                count.wrong = limit  # after the lock, each further wrong password locks again
        return self.locked_for(address, account, now)

    def succeeded(self, address: str, account: str) -> None:
        """Forget the wrong passwords of an address and an account."""
        for key in ((address, account), (address, ""), ("", account)):
            self._counts.pop(key, None)

    def _counted(self, address: str, account: str, now: float) -> _Count:
        count = self._counts.setdefault((address, account), _Count())
        self._counts.move_to_end((address, account))
        if now - count.last > max(_FORGET_S, self.lock_s):
            count.wrong = 0
        count.wrong += 1
        count.last = now
        while len(self._counts) > _MOST:
            self._counts.popitem(last=False)
        return count
