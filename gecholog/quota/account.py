"""The limits of one subject, beside what it has used and holds. No clock, no I/O: times are in ms since 1970."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gecholog.quota.holds import Holds
from gecholog.quota.limits import NANO_USD, TOKENS, Budget
from gecholog.quota.part import part_of
from gecholog.quota.period import Period
from gecholog.quota.subject import DAY, HELD, MARKS, MINUTE, REQUESTS, Exceeded, Mark, Quota, Subject, mark_field
from gecholog.quota.tally import Tally


class Account:
    """The limits of a subject, and where its usage is. There may be several of one subject, as its limits change."""

    __slots__ = ("_tally", "holds", "subject")

    def __init__(self, subject: Subject, tally: Callable[[str, str], Tally], holds: Holds) -> None:
        """`tally` finds the tally of a name in a window."""
        self.subject, self.holds, self._tally = subject, holds, tally

    @property
    def minute(self) -> Tally:
        """The usage of the last minute."""
        return self._tally(self.subject.name, MINUTE)

    @property
    def day(self) -> Tally:
        """The usage of the day in UTC."""
        return self._tally(self.subject.name, DAY)

    def spent(self, budget: Budget) -> Tally:
        """The usage in the period of a budget."""
        return self._tally(self.subject.name, budget.window)

    def counts_requests(self, budget: Budget) -> bool:
        """Whether requests are counted with what a budget is spent on: a limit of its window counts them already."""
        return self.subject.limits.quotas.rpd is None or budget.window != DAY

    # ------------------------------------------------------------ what calls add

    @property
    def counted(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """What each settled call adds to: the name of the subject, a window, and fields."""
        name, (quotas, budget) = self.subject.name, (self.subject.limits.quotas, self.subject.limits.budget)
        minute = (*((REQUESTS,) if quotas.rpm is not None else ()), *((TOKENS,) if quotas.tpm is not None else ()))
        if minute:
            yield name, MINUTE, minute
        if quotas.rpd is not None:
            yield name, DAY, (REQUESTS,)
        if budget is not None:
            requests = (REQUESTS,) if self.counts_requests(budget) else ()
            yield name, budget.window, (*requests, TOKENS, NANO_USD)

    @property
    def parts(self) -> Iterator[str]:
        """The parts that a call changes."""
        yield part_of(HELD, self.subject.name)
        for name, window, _ in self.counted:
            yield part_of(window, name)

    # ------------------------------------------------------------ what calls exceed

    def over_concurrency(self, limit: int, now: int) -> Exceeded:
        """One more call would be too many at a time."""
        return Exceeded(self.subject, Quota.CONCURRENCY, limit, now + 1000)

    def over_requests(self, quota: Quota, limit: int, now: int) -> Exceeded:
        """One more request would be too many in a minute or a day."""
        meter = (self.minute if quota is Quota.RPM else self.day).meter()
        return Exceeded(self.subject, quota, limit, meter.free_at(REQUESTS, limit, now))

    def over_tokens(self, limit: int, room: int, tokens: int, now: int) -> Exceeded:
        """A request for so many tokens would exceed those of a minute. `room` is what is left for those in use."""
        free_at = max(now + 1000, self.minute.meter().free_at(TOKENS, max(room, 0) + 1, now))
        return Exceeded(self.subject, Quota.TPM, limit, None if tokens > limit else free_at)

    def over_budget(self, budget: Budget, now: int) -> Exceeded:
        """A request may cost more than is left of a budget."""
        ends = None if budget.period is Period.TOTAL else self.spent(budget).meter().window.leaves(now)
        return Exceeded(self.subject, Quota.BUDGET, budget.amount, ends)

    def reached(self, budget: Budget, now: int) -> Iterator[Mark]:
        """The highest mark that a budget has reached, unless a replica has reported it. Marks are counted as usage."""
        meter = self.spent(budget).meter()
        spent = meter.used(now).get(budget.unit, 0)
        for percent in MARKS:
            if spent * 100 < budget.amount * percent:
                continue
            field = mark_field(percent)
            if not meter.used(now).get(field):
                meter.add({field: 1}, now)
                yield Mark(self.subject, budget, percent, spent, meter.window.leaves(now))
            return
