"""Quotas and budgets: a call is admitted, reserves what it may use, and is settled with what it has used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.call_candidates import candidates_of
from services.gl.quota.refusal import refusal_of, uncounted, unpriced
from services.gl.quota.reservation import FREE, NO_RESERVATION, reservation_of
from services.gl.quota.subjects import of_key, of_owner
from services.gl.usage.call_cost import RequestedModel
from services.gl.usage.call_usage import is_local, runs_later, upstream_path, wanted
from services.gl.usage.candidate_prices import model_shown, priced
from services.gl.usage.settlement import settle as settle_call

if TYPE_CHECKING:
    from gecholog.keys import KeyEntry, OwnerEntry
    from gecholog.quota.ledger import Subject
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.quota.reservation import Reservation, TokenRates
    from services.gl.usage.call_usage import Wanted


def admit(call: Call, deps: Dependencies) -> None:
    """Count the request for all subjects that have limits. Raises Refusal if it exceeds one."""
    subjects = call.config.subjects[call.router.path]
    if call.key is not None:
        subjects = _with_key(subjects, call.key, call.owner)
    if not subjects or call.unmet:  # a call without the required headers is refused later, and counts nowhere
        return
    call.subjects = subjects
    if (exceeded := deps.quotas.admit(subjects)) is not None:
        raise refusal_of(exceeded, deps.quotas.clock())
    call.is_admitted = True


def _with_key(subjects: tuple[Subject, ...], key: KeyEntry, owner: OwnerEntry | None) -> tuple[Subject, ...]:
    """The subjects of a call, from the widest to the narrowest."""
    if owner is not None:
        subjects += of_owner(owner.name, owner.limits)
    return subjects + of_key(key.id, key.limits)


def reserve(call: Call, deps: Dependencies) -> None:
    """Hold the tokens and the money that the call may use. Raises Refusal if that exceeds a limit."""
    if not call.is_admitted or is_local(call):
        return
    path = upstream_path(call)
    if runs_later(call, path) and (counted := _with_counts(call.subjects)) is not None:
        raise uncounted(counted)
    reservation = _reservation(call, path)
    if (exceeded := deps.quotas.reserve(call.subjects, reservation.held)) is not None:
        raise refusal_of(exceeded, deps.quotas.clock())
    call.reservation = reservation


def _reservation(call: Call, path: str) -> Reservation:
    """What a call may use. One that uses nothing is still refused if more than the limit is used."""
    if (asked := wanted(call, path)) is None:
        return NO_RESERVATION
    paying = _in_usd(call.subjects)
    rates = FREE if paying is None else _rates(call, asked, paying)
    return reservation_of(asked.prompt_tokens, asked.output_tokens, rates)


def _with_counts(subjects: tuple[Subject, ...]) -> Subject | None:
    """The first subject whose tokens or money are limited."""
    limited = (one for one in subjects if one.limits.budget is not None or one.limits.quotas.tpm is not None)
    return next(limited, None)


def _in_usd(subjects: tuple[Subject, ...]) -> Subject | None:
    """The first subject with a budget in USD."""
    for subject in subjects:
        if (budget := subject.limits.budget) is not None and not budget.is_tokens:
            return subject
    return None


def _rates(call: Call, asked: Wanted, paying: Subject) -> TokenRates:
    """The highest rates among the candidates. Those without a price are left out, because they would cost nothing."""
    candidates = call.candidates or candidates_of(call)
    request = RequestedModel(f"/{call.subpath}", asked.body)
    found = priced(call.config.prices, candidates, request, asked.prompt_tokens)
    if found.candidates:
        call.candidates = found.candidates
    elif call.key is None or not call.key.allow_unpriced:
        raise unpriced(paying, model_shown(candidates, request))
    return found.rates


def settle(call: Call, deps: Dependencies) -> None:
    """Settle the call if that was not done before its record was written, and end it."""
    if call.is_admitted:
        try:
            settle_call(call, deps)
        finally:
            call.is_admitted = False
            deps.quotas.end(call.subjects)
