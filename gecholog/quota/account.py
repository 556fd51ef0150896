"""What one subject has used and holds, beside its limits, so that a call finds them without a search. No clock, no I/O.

A call is admitted (requests, concurrency), reserves what it may use at most (tokens, money), is settled with what it
has used, whatever happened to it, and ends. Times are in milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gecholog.quota.changes import Changes
from gecholog.quota.holds import Holds
from gecholog.quota.limits import TOKENS, Budget
from gecholog.quota.meter import Meter
from gecholog.quota.part import part_of
from gecholog.quota.period import Period
from gecholog.quota.subject import DAY, HELD, MARKS, MINUTE, REQUESTS, Exceeded, Mark, Quota, Subject, mark_field
from gecholog.quota.window import Window

_URGENT = 0.9  # of a limit: from here on, changes are published at once
_NEVER = float("inf")
_UNUSED = Meter(Window(1))  # where no limit counts


class Account:
    """The limits of a subject, its meters and its holds. There may be several of one subject, as its limits change."""

    __slots__ = (
        "_budget",
        "_budget_near",
        "_budget_part",
        "_changes",
        "_concurrency",
        "_concurrency_near",
        "_day_part",
        "_held_part",
        "_mark_at",
        "_minute_part",
        "_rpd",
        "_rpd_near",
        "_rpm",
        "_rpm_near",
        "_tpm",
        "_tpm_near",
        "day",
        "holds",
        "minute",
        "spent",
        "subject",
    )

    def __init__(self, subject: Subject, meter: Callable[[str, str], Meter], holds: Holds, changes: Changes) -> None:
        """`meter` finds the meter of a name in a window."""
        name, limits = subject
        quotas = limits.quotas
        self.subject, self.holds, self._changes = subject, holds, changes
        self._concurrency, self._rpm, self._rpd, self._tpm = quotas.concurrency, quotas.rpm, quotas.rpd, quotas.tpm
        self._budget = limits.budget
        self.minute = _UNUSED if quotas.rpm is None and quotas.tpm is None else meter(name, MINUTE)
        self.day = _UNUSED if quotas.rpd is None else meter(name, DAY)
        self.spent: Meter | None = None if limits.budget is None else meter(name, limits.budget.window)
        self._concurrency_near, self._rpm_near = _near(quotas.concurrency), _near(quotas.rpm)
        self._rpd_near, self._tpm_near = _near(quotas.rpd), _near(quotas.tpm)
        self._budget_near = _near(None if limits.budget is None else limits.budget.amount)
        self._mark_at = 0 if limits.budget is None else -(-limits.budget.amount * MARKS[-1] // 100)
        self._held_part, self._minute_part, self._day_part = (part_of(one, name) for one in (HELD, MINUTE, DAY))
        self._budget_part = "" if limits.budget is None else part_of(limits.budget.window, name)

    # ------------------------------------------------------------------- admit

    def refused(self, now: int) -> Exceeded | None:
        """The limit of requests or concurrency that one more call would exceed."""
        if self._concurrency is not None and self._calls(now) >= self._concurrency:
            return Exceeded(self.subject, Quota.CONCURRENCY, self._concurrency, now + 1000)
        if self._rpm is not None and self.minute.used(now).get(REQUESTS, 0) >= self._rpm:
            return Exceeded(self.subject, Quota.RPM, self._rpm, self.minute.free_at(REQUESTS, self._rpm, now))
        if self._rpd is not None and self.day.used(now).get(REQUESTS, 0) >= self._rpd:
            return Exceeded(self.subject, Quota.RPD, self._rpd, self.day.window.leaves(now))
        return None

    def begin(self, now: int) -> None:
        """Count a request that begins."""
        changes = self._changes
        self.holds.begin()
        changes.parts.add(self._held_part)
        if self._rpm is not None:
            changes.parts.add(self._minute_part)
            if self.minute.count(REQUESTS, 1, now) >= self._rpm_near:
                changes.urgent = True
        if self._rpd is not None:
            changes.parts.add(self._day_part)
            if self.day.count(REQUESTS, 1, now) >= self._rpd_near:
                changes.urgent = True
        if self._concurrency is not None and self._calls(now) >= self._concurrency_near:
            changes.urgent = True

    def end(self) -> None:
        """End a call that has begun."""
        self.holds.end()
        self._changes.parts.add(self._held_part)

    def _calls(self, now: int) -> int:
        """The calls in flight of all replicas."""
        holds = self.holds
        return holds.calls + (holds.foreign if now < holds.until else holds.refreshed(now)).calls

    # ----------------------------------------------------------------- reserve

    def unaffordable(self, tokens: int, nano_usd: int, now: int) -> Exceeded | None:
        """The limit of tokens or money that a reservation would exceed."""
        tpm, budget = self._tpm, self._budget
        if tpm is None and budget is None:
            return None
        holds = self.holds
        foreign = holds.foreign if now < holds.until else holds.refreshed(now)
        if tpm is not None:
            room = tpm - holds.tokens - foreign.tokens - tokens
            if self.minute.used(now).get(TOKENS, 0) > room:
                free_at = max(now + 1000, self.minute.free_at(TOKENS, max(room, 0) + 1, now))
                return Exceeded(self.subject, Quota.TPM, tpm, None if tokens > tpm else free_at)
        if budget is not None and self.spent is not None:
            reserved = (
                holds.tokens + foreign.tokens + tokens
                if budget.is_tokens
                else holds.nano_usd + foreign.nano_usd + nano_usd
            )
            used = self.spent.used(now).get(budget.unit, 0)
            if used + reserved > budget.amount:
                ends = None if budget.period is Period.TOTAL else self.spent.window.leaves(now)
                return Exceeded(self.subject, Quota.BUDGET, budget.amount, ends)
            if used + 2 * reserved >= budget.amount:  # another replica may hold as much
                self._changes.urgent = True
        return None

    def hold(self, tokens: int, nano_usd: int) -> None:
        """Hold the tokens and the money that a call may use."""
        self.holds.take(tokens, nano_usd)
        self._changes.parts.add(self._held_part)

    # ------------------------------------------------------------------ settle

    def give_back(self, tokens: int, nano_usd: int) -> None:
        """Hold no longer what a call had reserved."""
        self.holds.give_back(tokens, nano_usd)
        self._changes.parts.add(self._held_part)

    def charge(self, counts: Mapping[str, int], now: int) -> Iterator[Mark] | None:
        """Count what a call has used: a request, tokens and nano-USD. Returns marks that a budget may have reached."""
        changes = self._changes
        if self._tpm is not None and (tokens := counts[TOKENS]):
            changes.parts.add(self._minute_part)
            if self.minute.count(TOKENS, tokens, now) >= self._tpm_near:
                changes.urgent = True
        budget = self._budget
        if budget is None or self.spent is None:
            return None
        changes.parts.add(self._budget_part)
        spent = self.spent.add(counts, now)[budget.unit]
        if spent >= self._budget_near:
            changes.urgent = True
        return self._reached(budget, self.spent, spent, now) if spent >= self._mark_at else None

    def _reached(self, budget: Budget, meter: Meter, spent: int, now: int) -> Iterator[Mark]:
        """The highest mark that a budget has reached, unless a replica has reported it. Marks are counted as usage."""
        for percent in MARKS:
            if spent * 100 < budget.amount * percent:
                continue
            field = mark_field(percent)
            if not meter.used(now).get(field):
                meter.add({field: 1}, now)
                self._changes.urgent = True
                yield Mark(self.subject, budget, percent, spent, meter.window.leaves(now))
            return

    # ----------------------------------------------------------------- on disk

    @property
    def counted(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """What each settled call adds to the meters, as windows and fields, by the name of the subject."""
        name = self.subject.name
        minute = (*((REQUESTS,) if self._rpm is not None else ()), *((TOKENS,) if self._tpm is not None else ()))
        if minute:
            yield name, MINUTE, minute
        if self._rpd is not None:
            yield name, DAY, (REQUESTS,)
        if self._budget is not None:
            yield name, self._budget.window, (REQUESTS, TOKENS, "nano_usd")


def _near(limit: int | None) -> float:
    return _NEVER if limit is None else limit * _URGENT
