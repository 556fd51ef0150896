"""Limits divided among the workers of a gateway, for as long as they cannot tell each other what they count. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gecholog.quota.limits import Limits
from gecholog.quota.subject import Subject

if TYPE_CHECKING:
    from gecholog.quota.limits import Budget, Quotas


@dataclass(frozen=True, slots=True)
class Part:
    """The part of worker number `index`, counted from 0, of `count` workers."""

    index: int
    count: int

    def of(self, total: int) -> int:
        """Its part of a number. The parts of all workers add up to the number, so one may be 0."""
        whole, rest = divmod(total, self.count)
        return whole + (self.index < rest)

    def of_subject(self, subject: Subject) -> Subject:
        """A subject with its part of all limits."""
        quotas, budget = subject.limits.quotas, subject.limits.budget
        return Subject(subject.name, Limits(self._of_quotas(quotas), budget and self._of_budget(budget)))

    def _of_quotas(self, quotas: Quotas) -> Quotas:
        return replace(
            quotas,
            rpm=self._of_limit(quotas.rpm),
            tpm=self._of_limit(quotas.tpm),
            rpd=self._of_limit(quotas.rpd),
            concurrency=self._of_limit(quotas.concurrency),
        )

    def _of_limit(self, limit: int | None) -> int | None:
        return None if limit is None else self.of(limit)

    def _of_budget(self, budget: Budget) -> Budget:
        """Its part of a budget, at least 1: no call costs as little, and a budget of 0 would be reported as spent."""
        return replace(budget, amount=max(1, self.of(budget.amount)))


WHOLE = Part(0, 1)
"""Of a gateway that is one process."""
