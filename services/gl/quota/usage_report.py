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
    from gecholog.quota.ledger import Ledger
    from gecholog.quota.limits import Budget
    from gecholog.quota.subject import Subject

_PERSONAL = ("key.", "owner.")
_NANOSECONDS = 1_000_000  # in a millisecond


def usage_report(subjects: Iterable[Subject], key: KeyEntry | None, ledger: Ledger, now: int) -> dict[str, Any]:
    """The usage of the client's key and its owner; of the router and the gateway if neither has limits.

    A key without limits is told that it has none.
    """
    every = tuple(subjects)
    personal = [one for one in every if one.name.startswith(_PERSONAL)]
    data = [_shown(one, ledger, now) for one in personal or every]
    if key is not None and not key.limits:
        data.append({"object": "limits", "subject": "key", "name": key.id, "quotas": {}, "budget": None})
    return {"object": "usage", "data": data}


def _shown(subject: Subject, ledger: Ledger, now: int) -> dict[str, Any]:
    kind, _, name = subject.name.partition(".")
    shown: dict[str, Any] = {"object": "limits", "subject": kind, **({"name": name} if name else {})}
    if quotas := dict(_quotas(subject, ledger, now)):
        shown["quotas"] = quotas
    if subject.limits.budget is not None:
        shown["budget"] = _budget(subject, subject.limits.budget, ledger, now)
    return shown


def _quotas(subject: Subject, ledger: Ledger, now: int) -> Iterator[tuple[str, dict[str, int]]]:
    name, quotas, held = subject.name, subject.limits.quotas, ledger.held(subject.name, now)
    minute, day = ledger.meter(name, MINUTE).used(now), ledger.meter(name, DAY).used(now)
    known = (
        ("rpm", quotas.rpm, minute.get(REQUESTS, 0)),
        ("tpm", quotas.tpm, minute.get(TOKENS, 0) + held.tokens),
        ("rpd", quotas.rpd, day.get(REQUESTS, 0)),
        ("concurrency", quotas.concurrency, held.calls),
    )
    for quota, limit, used in known:
        if limit is not None:
            yield quota, {"limit": limit, "used": used, "remaining": max(0, limit - used)}


def _budget(subject: Subject, budget: Budget, ledger: Ledger, now: int) -> dict[str, Any]:
    window = CalendarWindow(budget.period, budget.time_zone)
    used, held = ledger.meter(subject.name, window.name).used(now), ledger.held(subject.name, now)
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
