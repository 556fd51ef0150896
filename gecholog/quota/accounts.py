"""The accounts of all subjects that limit a call: the first limit that is reached counts. No clock, no I/O.

They are prepared once for many calls: those of one key on one router have the same. Times are in milliseconds since
1970.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gecholog.quota.limits import DEFAULT_OUTPUT_TOKENS, NANO_USD, TOKENS
from gecholog.quota.subject import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gecholog.quota.account import Account
    from gecholog.quota.holds import Held
    from gecholog.quota.subject import Exceeded, Mark, Subject


class Accounts:
    """The accounts of a call, from the widest subject to the narrowest.

    `counted` is the first subject whose tokens or money are limited, `paying` the first one with a budget in USD.
    `default_output` are the tokens of an answer whose length the request does not limit, as the narrowest subject says.
    `on_disk` is the JSON of what a settled call adds to: names of subjects, windows and fields.
    """

    __slots__ = ("counted", "default_output", "each", "on_disk", "paying", "subjects")

    def __init__(self, each: Iterable[Account]) -> None:
        self.each = tuple(each)
        self.subjects: tuple[Subject, ...] = tuple(account.subject for account in self.each)
        self.counted = _first(one for one in self.subjects if one.limits.counts_tokens)
        self.paying = _first(one for one in self.subjects if one.limits.in_usd)
        defaults = [default for one in self.subjects if (default := one.limits.quotas.default_output_tokens)]
        self.default_output = defaults[-1] if defaults else DEFAULT_OUTPUT_TOKENS
        self.on_disk = json.dumps([entry for account in self.each for entry in account.counted]).encode()

    def admit(self, now: int) -> Exceeded | None:
        """Count a request that begins, unless it exceeds a limit."""
        for account in self.each:
            if (exceeded := account.refused(now)) is not None:
                return exceeded
        for account in self.each:
            account.begin(now)
        return None

    def reserve(self, wanted: Held, now: int) -> Exceeded | None:
        """Hold the tokens and the money that a call may use, unless that exceeds a limit."""
        _, tokens, nano_usd = wanted
        for account in self.each:
            if (exceeded := account.unaffordable(tokens, nano_usd, now)) is not None:
                return exceeded
        for account in self.each:
            account.hold(tokens, nano_usd)
        return None

    def settle(self, reserved: Held, used: Held, now: int) -> list[Mark]:
        """Count what a call has used in place of what it reserved. Returns the marks that budgets have reached.

        `reserved` is what `reserve` was called with, nothing if it was not called.
        """
        marks: list[Mark] = []
        _, tokens, nano_usd = reserved
        counts = {REQUESTS: 1, TOKENS: used.tokens, NANO_USD: used.nano_usd}
        for account in self.each:
            account.give_back(tokens, nano_usd)
            if (reached := account.charge(counts, now)) is not None:
                marks += reached
        return marks

    def end(self) -> None:
        """End a call that was admitted."""
        for account in self.each:
            account.end()


def _first(subjects: Iterable[Subject]) -> Subject | None:
    return next(iter(subjects), None)
