"""The errors for clients that have reached a limit. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gecholog.quota.limits import usd_text
from gecholog.quota.subject import Quota
from services.gl.errors import ErrorDetail, Refusal

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from gecholog.quota.subject import Exceeded, Subject

_NO_RETRY: Headers = {"X-Should-Retry": ["false"]}
_KINDS = {"key": "this client key", "owner": "the owner of this client key", "gateway": "the gateway"}


def refusal_of(exceeded: Exceeded, now: int) -> Refusal:
    """The refusal of a call that would exceed a limit. `now` is in milliseconds since 1970."""
    if exceeded.quota is Quota.BUDGET:
        return _refusal(429, _budget_text(exceeded), "budget_exceeded", _NO_RETRY)
    who = shown(exceeded.subject)
    if exceeded.free_at is None:
        text = f"the request may need more than the {exceeded.limit} {exceeded.quota.value} of {who}"
        return _refusal(429, text, "rate_limit_exceeded", _NO_RETRY)
    text = f"{who} has reached its limit of {exceeded.limit} {exceeded.quota.value}"
    pause = max(1, math.ceil((exceeded.free_at - now) / 1000))
    return _refusal(429, text, "rate_limit_exceeded", {"Retry-After": [str(pause)]})


def unpriced(subject: Subject, model: str) -> Refusal:
    """The refusal of a call whose cost cannot be known, while a budget is in USD."""
    of = f"the model {model}" if model else "this request"
    text = f"the price of {of} is not known, and {shown(subject)} has a budget in USD"
    return _refusal(403, text, "price_unknown")


def untiered(subject: Subject, tier: str) -> Refusal:
    """The refusal of a call for a service whose prices are not known, while a budget is in USD."""
    text = f"the prices of the service tier {tier} are not known, and {shown(subject)} has a budget in USD"
    return _refusal(403, text, "price_unknown")


def uncounted(subject: Subject) -> Refusal:
    """The refusal of a request for work whose usage its answer does not tell, such as a batch."""
    work = "batches, jobs, sessions and responses in the background"
    text = f"the usage of {work} is not known to the gateway, and {shown(subject)} has a limit of usage"
    return _refusal(403, text, "usage_unknown")


def shown(subject: Subject) -> str:
    """What a message calls a subject."""
    kind, _, name = subject.name.partition(".")
    return _KINDS.get(kind) or f"the router {name}"


def _budget_text(exceeded: Exceeded) -> str:
    budget = exceeded.subject.limits.budget
    if budget is None:
        return f"{shown(exceeded.subject)} has no budget left"
    amount = f"{budget.amount} tokens" if budget.is_tokens else f"{usd_text(budget.amount)} USD"
    text = f"the request may cost more than {shown(exceeded.subject)} has left of its budget of {amount}"
    if exceeded.free_at is None:
        return text
    anew = datetime.fromtimestamp(exceeded.free_at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{text} per {budget.period.value}; it begins anew at {anew}"


def _refusal(status: int, text: str, code: str, headers: Headers | None = None) -> Refusal:
    return Refusal(status, text, headers, ErrorDetail(status, text, code))
