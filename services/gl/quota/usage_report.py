"""What `GET /v1/usage` tells: the limits of a call's subjects, and what is used of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog.quota.limits import NANO_USD, TOKENS, usd_text
from gecholog.quota.period import Period
from gecholog.quota.subject import DAY, MINUTE, REQUESTS
from gecholog.quota.window import CalendarWindow
from gecholog.timer import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gecholog.keys import KeyEntry
    from gecholog.quota.limits import Budget
    from gecholog.quota.subject import Subject
    from gecholog.quota.usage_table import UsageTable

_PERSONAL = ("key.", "owner.")
_NANOSECONDS = 1_000_000  # in a millisecond


def usage_report(subjects: Iterable[Subject], key: KeyEntry | None, table: UsageTable, now: int) -> dict[str, Any]:
    """The usage of the client's key and its owner; of the router and the gateway if neither has limits.

    A key without limits is told that it has none.
    """
    every = tuple(subjects)
    personal = [one for one in every if one.name.startswith(_PERSONAL)]
    data = [_shown(one, table, now) for one in personal or every]
    if key is not None and not key.limits:
        data.append({"object": "limits", "subject": "key", "name": key.id, "quotas": {}, "budget": None})
    return {"object": "usage", "data": data}


def _shown(subject: Subject, table: UsageTable, now: int) -> dict[str, Any]:
    kind, _, name = subject.name.partition(".")
    shown: dict[str, Any] = {"object": "limits", "subject": kind, **({"name": name} if name else {})}
    if quotas := dict(_quotas(subject, table, now)):
        shown["quotas"] = quotas
    if subject.limits.budget is not None:
        shown["budget"] = _budget(subject, subject.limits.budget, table, now)
    return shown


def _quotas(subject: Subject, table: UsageTable, now: int) -> Iterator[tuple[str, dict[str, int]]]:
    name, quotas, held = subject.name, subject.limits.quotas, table.held(subject.name, now)
    minute, day = table.meter(name, MINUTE).used(now), table.meter(name, DAY).used(now)
    known = (
        ("rpm", quotas.rpm, minute.get(REQUESTS, 0)),
        ("tpm", quotas.tpm, minute.get(TOKENS, 0) + held.tokens),
        ("rpd", quotas.rpd, day.get(REQUESTS, 0)),
        ("concurrency", quotas.concurrency, held.calls),
    )
    for quota, limit, used in known:
        if limit is not None:
            yield quota, {"limit": limit, "used": used, "remaining": max(0, limit - used)}


def _budget(subject: Subject, budget: Budget, table: UsageTable, now: int) -> dict[str, Any]:
    window = CalendarWindow(budget.period, budget.time_zone)
    used, held = table.meter(subject.name, window.name).used(now), table.held(subject.name, now)
    spent = used.get(TOKENS if budget.is_tokens else NANO_USD, 0)
    left = budget.amount - spent - (held.tokens if budget.is_tokens else held.nano_usd)
    begins, ends = window.bucket_bounds(now)
    times = {"begins": rfc3339(begins * _NANOSECONDS), "ends": rfc3339(ends * _NANOSECONDS)}
    return {
        **budget.as_json(),
        "requests": used.get(REQUESTS, 0),
        "used_tokens": used.get(TOKENS, 0),
        "used_usd": usd_text(used.get(NANO_USD, 0)),
        "reserved_tokens": held.tokens,
        "reserved_usd": usd_text(held.nano_usd),
        **({"remaining_tokens": max(0, left)} if budget.is_tokens else {"remaining_usd": usd_text(max(0, left))}),
        **({} if budget.period is Period.TOTAL else times),
    }
