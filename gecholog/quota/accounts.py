"""What limits a call: the accounts of all its subjects. The first limit that is reached counts. No clock, no I/O.

A call is admitted (requests, concurrency), reserves what it may use at most (tokens, money), is settled with what it
has used, whatever happened to it, and ends. Each of these is done for all subjects, or for none.

The accounts are prepared once for many calls: those of one key on one router have the same. What each step has to look
at is in flat tuples, because calls of functions are most of what a limit costs. Times are in milliseconds since 1970.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from gecholog.quota.limits import DEFAULT_OUTPUT_TOKENS
from gecholog.quota.subject import MARKS, Quota

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gecholog.quota.account import Account
    from gecholog.quota.changes import Changes
    from gecholog.quota.holds import Held, Holds
    from gecholog.quota.limits import Budget
    from gecholog.quota.subject import Exceeded, Mark, Subject
    from gecholog.quota.tally import Tally

_URGENT = 0.9  # of a limit: from here on, changes are published at once


class _Concurrency(NamedTuple):
    holds: Holds
    limit: int
    near: float
    account: Account


class _Requests(NamedTuple):
    tally: Tally
    limit: int
    near: float
    quota: Quota
    account: Account


class _Tokens(NamedTuple):
    tally: Tally
    limit: int
    near: float
    account: Account


class _Spending(NamedTuple):
    tally: Tally
    budget: Budget
    is_tokens: bool
    counts_requests: bool
    near: float
    mark_at: int
    account: Account


class Accounts:
    """The accounts of a call, from the widest subject to the narrowest.

    `counted` is the first subject whose tokens or money are limited, `paying` the first one with a budget in USD.
    `default_output` are the tokens of an answer whose length the request does not limit, as the narrowest subject says.
    `on_disk` is the JSON of what a settled call adds to: names of subjects, windows and fields.
    """

    __slots__ = (
        "_changes",
        "_concurrency",
        "_epoch",
        "_holds",
        "_parts",
        "_requests",
        "_spending",
        "_tokens",
        "counted",
        "default_output",
        "each",
        "on_disk",
        "paying",
        "subjects",
    )

    def __init__(self, each: Iterable[Account], changes: Changes) -> None:
        self.each = tuple(each)
        self.subjects: tuple[Subject, ...] = tuple(account.subject for account in self.each)
        self.counted = _first(one for one in self.subjects if one.limits.counts_tokens)
        self.paying = _first(one for one in self.subjects if one.limits.in_usd)
        defaults = [default for one in self.subjects if (default := one.limits.quotas.default_output_tokens)]
        self.default_output = defaults[-1] if defaults else DEFAULT_OUTPUT_TOKENS
        self.on_disk = json.dumps([entry for account in self.each for entry in account.counted]).encode()
        self._changes = changes
        self._epoch = -1
        self._parts = frozenset(part for account in self.each for part in account.parts)
        self._holds = tuple(account.holds for account in self.each)
        self._concurrency = tuple(one for account in self.each for one in _concurrency(account))
        self._requests = tuple(one for account in self.each for one in _requests(account))
        self._tokens = tuple(one for account in self.each for one in _tokens(account))
        self._spending = tuple(one for account in self.each for one in _spending(account))

    def admit(self, now: int) -> Exceeded | None:
        """Count a request that begins, unless it exceeds a limit."""
        if (exceeded := self._refused(now)) is not None:
            return exceeded
        changes = self._changes
        for holds in self._holds:
            holds.calls += 1
        for holds, _, near, _ in self._concurrency:
            if holds.calls + holds.foreign.calls >= near:
                changes.urgent = True
        for tally, _, near, _, _ in self._requests:
            tally.requests += 1
            tally.last = now
            if tally.requests >= near:
                changes.urgent = True
        if self._epoch != changes.epoch:
            self._mark()
        return None

    def _refused(self, now: int) -> Exceeded | None:
        """The limit of requests or concurrency that one more call would exceed. The tallies are valid after it."""
        for holds, limit, _, account in self._concurrency:
            if holds.calls + (holds.foreign if now < holds.until else holds.refreshed(now)).calls >= limit:
                return account.over_concurrency(limit, now)
        for tally, limit, _, quota, account in self._requests:
            if not tally.since <= now < tally.until:
                tally.refresh(now)
            if tally.requests >= limit:
                return account.over_requests(quota, limit, now)
        return None

    def reserve(self, wanted: Held, now: int) -> Exceeded | None:
        """Hold the tokens and the money that a call may use, unless that exceeds a limit."""
        _, tokens, nano_usd = wanted
        if (exceeded := self._unaffordable(tokens, nano_usd, now)) is not None:
            return exceeded
        for holds in self._holds:
            holds.tokens += tokens
            holds.nano_usd += nano_usd
        if self._epoch != self._changes.epoch:
            self._mark()
        return None

    def _unaffordable(self, tokens: int, nano_usd: int, now: int) -> Exceeded | None:
        """The limit of tokens or money that a reservation would exceed."""
        for tally, limit, _, account in self._tokens:
            holds = account.holds
            if not tally.since <= now < tally.until:
                tally.refresh(now)
            foreign = holds.foreign if now < holds.until else holds.refreshed(now)
            room = limit - holds.tokens - foreign.tokens - tokens
            if tally.tokens > room:
                return account.over_tokens(limit, room, tokens, now)
        for tally, budget, is_tokens, _, _, _, account in self._spending:
            holds = account.holds
            if not tally.since <= now < tally.until:
                tally.refresh(now)
            foreign = holds.foreign if now < holds.until else holds.refreshed(now)
            if is_tokens:
                used, reserved = tally.tokens, holds.tokens + foreign.tokens + tokens
            else:
                used, reserved = tally.nano_usd, holds.nano_usd + foreign.nano_usd + nano_usd
            if used + reserved > budget.amount:
                return account.over_budget(budget, now)
            if used + 2 * reserved >= budget.amount:  # another replica may hold as much
                self._changes.urgent = True
        return None

    def settle(self, reserved: Held, used: Held, now: int) -> list[Mark]:
        """Count what a call has used in place of what it reserved. Returns the marks that budgets have reached.

        `reserved` is what `reserve` was called with, nothing if it was not called.
        """
        _, tokens, nano_usd = reserved
        for holds in self._holds:
            holds.give_back(tokens, nano_usd)
        _, tokens, nano_usd = used
        if tokens:
            self._count_tokens(tokens, now)
        marks = self._charge(tokens, nano_usd, now)
        if self._epoch != self._changes.epoch:
            self._mark()
        return marks

    def _count_tokens(self, tokens: int, now: int) -> None:
        for tally, _, near, _ in self._tokens:
            if not tally.since <= now < tally.until:
                tally.refresh(now)
            tally.tokens += tokens
            tally.last = now
            if tally.tokens >= near:
                self._changes.urgent = True

    def _charge(self, tokens: int, nano_usd: int, now: int) -> list[Mark]:
        marks: list[Mark] = []
        for tally, budget, is_tokens, counts_requests, near, mark_at, account in self._spending:
            if not tally.since <= now < tally.until:
                tally.refresh(now)
            tally.requests += counts_requests
            tally.tokens += tokens
            tally.nano_usd += nano_usd
            tally.last = now
            spent = tally.tokens if is_tokens else tally.nano_usd
            if spent >= mark_at:
                marks += account.reached(budget, now)
            if spent >= near or marks:
                self._changes.urgent = True
        return marks

    def end(self) -> None:
        """End a call that was admitted."""
        for holds in self._holds:
            holds.calls -= 1
            holds.calls_returned += 1
        if self._epoch != self._changes.epoch:
            self._mark()

    def _mark(self) -> None:
        """Mark all that calls of these accounts change as unpublished."""
        self._epoch = self._changes.epoch
        self._changes.parts |= self._parts


def _concurrency(account: Account) -> Iterable[_Concurrency]:
    if (limit := account.subject.limits.quotas.concurrency) is not None:
        yield _Concurrency(account.holds, limit, limit * _URGENT, account)


def _requests(account: Account) -> Iterable[_Requests]:
    quotas = account.subject.limits.quotas
    if quotas.rpm is not None:
        yield _Requests(account.minute, quotas.rpm, quotas.rpm * _URGENT, Quota.RPM, account)
    if quotas.rpd is not None:
        yield _Requests(account.day, quotas.rpd, quotas.rpd * _URGENT, Quota.RPD, account)


def _tokens(account: Account) -> Iterable[_Tokens]:
    if (limit := account.subject.limits.quotas.tpm) is not None:
        yield _Tokens(account.minute, limit, limit * _URGENT, account)


def _spending(account: Account) -> Iterable[_Spending]:
    if (budget := account.subject.limits.budget) is not None:
        mark_at = -(-budget.amount * MARKS[-1] // 100)
        near = budget.amount * _URGENT
        counts = account.counts_requests(budget)
        yield _Spending(account.spent(budget), budget, budget.is_tokens, counts, near, mark_at, account)


def _first(subjects: Iterable[Subject]) -> Subject | None:
    return next(iter(subjects), None)
