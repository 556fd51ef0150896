"""Wrong passwords: who has to wait, and who is locked out for a while. Pure: times come in.

Wrong passwords are counted by the address they come from together with the account, and by the address alone. Beyond
the limit, that address is locked for that account. All attempts at an account are delayed a little after some wrong
ones, from wherever they came; nobody can lock someone else out.

Attempts count from their beginning: as many as may still fail are tried at the same time, and no more than a few of an
address.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

_ACCOUNTS_PER_ADDRESS = 4  # an address that tries several accounts may fail this many times the limit in all
_MOST = 10_000  # counted pairs; then the oldest are forgotten
_MOST_KNOWN = 1000  # addresses from which someone has signed in
_AT_ONCE = 5  # attempts of an address; hashing takes CPU, and must be left for others
_PENDING_S = 1.0  # after which it makes sense to try again
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
        self._pending: Counter[tuple[str, str]] = Counter()
        self._known: OrderedDict[str, None] = OrderedDict()

    def locked_for(self, address: str, account: str, now: float) -> float:
        """Seconds for which this address may not try this account; 0 if it may."""
        return self.lock_left(address, account, now) or self._pending_for(address, account, now)

    def lock_left(self, address: str, account: str, now: float) -> float:
        """Seconds until the lock of this address for this account ends; 0 if there is none."""
        counts = (self._counts.get((address, account)), self._counts.get((address, "")))
        return max((0.0, *(count.locked_until - now for count in counts if count is not None)))

    def _pending_for(self, address: str, account: str, now: float) -> float:
        """Seconds to wait for attempts which are not over, if they may use up what the limit leaves."""
        is_full = self._pending[address, ""] >= _AT_ONCE
        for name, limit in self._limits(account).items():
            pending, wrong = self._pending[address, name], self._wrong(self._counts.get((address, name)), now)
            is_full = is_full or bool(limit and pending and pending + wrong > limit)
        return _PENDING_S if is_full else 0.0

    def begin(self, address: str, account: str) -> None:
        """Count an attempt whose result is not known yet; `end` takes it back."""
        self._pending.update(((address, account), (address, "")))

    def end(self, address: str, account: str) -> None:
        """An attempt has a result, which `failed` or `succeeded` counts."""
        for key in ((address, account), (address, "")):
            self._pending[key] -= 1
            if self._pending[key] <= 0:
                del self._pending[key]

    def delay(self, account: str, now: float) -> float:
        """Seconds that an answer about this account is held back."""
        count = self._counts.get(("", account))
        if count is None or now - count.last > _FORGET_S:
            return 0.0
        return min(_LONGEST_DELAY_S, _DELAY_S * max(0, count.wrong - _FREE))

    def failed(self, address: str, account: str, now: float) -> float:
        """Count a wrong password; returns the seconds for which the address is locked now, 0 if it is not."""
        self._counted("", account, now)
        for name, limit in self._limits(account).items():
            count = self._counted(address, name, now)
            if limit and count.wrong > limit:
                count.locked_until = now + self.lock_s
                count.wrong = limit  # after the lock, each further wrong password locks again
        return self.locked_for(address, account, now)

    def is_known(self, address: str) -> bool:
        """Tell whether someone has signed in from this address, as far as is remembered."""
        return address in self._known

    def succeeded(self, address: str, account: str) -> None:
        """Forget the wrong passwords of an address and an account, and remember the address."""
        self._known[address] = None
        self._known.move_to_end(address)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        for key in ((address, account), (address, ""), ("", account)):
            self._counts.pop(key, None)

    def _limits(self, account: str) -> dict[str, int]:
        return {account: self.limit, "": self.limit * _ACCOUNTS_PER_ADDRESS}

    def _wrong(self, count: _Count | None, now: float) -> int:
        """The wrong passwords that still count."""
        return 0 if count is None or self._is_over(count, now) else count.wrong

    def _is_over(self, count: _Count, now: float) -> bool:
        return now - count.last > max(_FORGET_S, self.lock_s)

    def _counted(self, address: str, account: str, now: float) -> _Count:
        count = self._counts.setdefault((address, account), _Count())
        self._counts.move_to_end((address, account))
        if self._is_over(count, now):
            count.wrong = 0
        count.wrong += 1
        count.last = now
        while len(self._counts) > _MOST:
            self._counts.popitem(last=False)
        return count
