"""Quotas and budgets: a call is admitted, reserves what it may use, and is settled with what it has used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.llm.later_answer import asks_for_later_answer
from gecholog.llm.request_size import choices
from gecholog.llm.service_tier import dearer_tier
from services.gl.call_candidates import candidates_of
from services.gl.models.endpoint import asks_for_usage
from services.gl.quota.refusal import refusal_of, uncounted, unpriced, untiered
from services.gl.quota.reservation import FREE, NO_RESERVATION, reservation_of
from services.gl.routing.routers import Action
from services.gl.usage.call_cost import RequestedModel
from services.gl.usage.call_usage import is_local, request_kind, wanted
from services.gl.usage.candidate_prices import model_shown, priced
from services.gl.usage.holding import hold
from services.gl.usage.request_kind import is_queued
from services.gl.usage.settlement import settle as settle_call

if TYPE_CHECKING:
    from gecholog.quota.accounts import Accounts
    from gecholog.quota.subject import Subject
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.quota.call_limits import CallLimits
    from services.gl.quota.reservation import Reservation, TokenRates
    from services.gl.usage.call_usage import Wanted
    from services.gl.usage.request_kind import RequestKind


def admit(call: Call, deps: Dependencies) -> None:
    """Count the request for all subjects that have limits. Raises Refusal if it exceeds one."""
    subjects = call.config.subjects[call.router.path]
    if (not subjects and call.key is None) or call.unmet:  # without the required headers it is refused later
        return
    call.limits = deps.quotas.limits.of(subjects, call.key, call.owner)
    if call.limits is not None and not _asks_for_usage(call):
        _admit(call, call.limits, deps)


def _asks_for_usage(call: Call) -> bool:
    """Whether the request asks for the client's own usage, which one can do as well when a limit is reached."""
    return call.router.action is Action.MODELS and asks_for_usage(call.request.method, call.subpath)


def _admit(call: Call, limits: CallLimits, deps: Dependencies) -> None:
    if (exceeded := deps.quotas.admit(limits.accounts)) is not None:
        deps.metrics.limit_hit(exceeded.quota.name.lower())
        raise refusal_of(exceeded, deps.quotas.clock())
    call.is_admitted = True


def reserve(call: Call, deps: Dependencies) -> None:
    """Hold the tokens and the money that the call may use. Raises Refusal if that exceeds a limit."""
    limits = call.limits
    if limits is None or is_local(call):
        return
    if not call.is_admitted:  # a processor has made another request of one for usage
        _admit(call, limits, deps)
    accounts, kind = limits.accounts, request_kind(call)
    is_later = kind.runs_later or is_queued(call.query_text)
    if is_later and accounts.counted is not None and call.request.method == "POST":
        raise uncounted(accounts.counted)
    reservation = _reservation(call, accounts, kind)
    hold(accounts, reservation.held, deps)
    call.reservation = reservation


def _reservation(call: Call, accounts: Accounts, kind: RequestKind) -> Reservation:
    """What a call may use. One that uses nothing is still refused if more than the limit is used."""
    if (asked := wanted(call, kind)) is None:
        return NO_RESERVATION
    if accounts.counted is not None and asks_for_later_answer(asked.body):
        raise uncounted(accounts.counted)
    rates = FREE if accounts.paying is None else _rates(call, asked, accounts.paying)
    pieces = choices(asked.body) if rates.piece else 0
    return reservation_of(asked.prompt_tokens, asked.output_tokens, rates, pieces)


def _rates(call: Call, asked: Wanted, paying: Subject) -> TokenRates:
    """The highest rates among the candidates. Those without a price are left out, because they would cost nothing."""
    if tier := dearer_tier(asked.body, call.headers):
        if call.key is None or not call.key.allow_unpriced:
            raise untiered(paying, tier)
        return FREE
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
    if call.limits is not None and call.is_admitted:
        try:
            settle_call(call, deps)
        finally:
            call.is_admitted = False
            deps.quotas.end(call.limits.accounts)
