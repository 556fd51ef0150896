"""Who has limits, which limits there are, and what is said of one that is reached. Pure.

Times are in milliseconds since 1970.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from gecholog.quota.limits import Budget, Limits

REQUESTS = "requests"
"""What meters count in addition to tokens and nano-USD."""

MINUTE, DAY, HELD = "minute", "day", "held"
"""The name of the window of the last minute, of the day in UTC, and what stands in its place for holds."""

MARKS = (100, 80)
"""Percents of a budget that are reported."""


class Subject(NamedTuple):
    """Who has limits. `name` is unique: `gateway`, `router./v1/`, `owner.NAME` or `key.ID`."""

    name: str
    limits: Limits


class Quota(Enum):
    """Which limit it is."""

    RPM = "requests per minute"
    RPD = "requests per day"
    CONCURRENCY = "calls at a time"
    TPM = "tokens per minute"
    BUDGET = "budget"


class Exceeded(NamedTuple):
    """The limit that a call would exceed. `free_at` is when it may be worth another try; None: never."""

    subject: Subject
    quota: Quota
    limit: int
    free_at: int | None


class Mark(NamedTuple):
    """A budget of which so many percent are used up."""

    subject: Subject
    budget: Budget
    percent: int
    used: int
    ends: int

    @property
    def field(self) -> str:
        """The name under which it is counted, so that no replica reports it again."""
        return mark_field(self.percent)


def mark_field(percent: int) -> str:
    """The name under which a mark is counted."""
    return f"at_{percent}"
