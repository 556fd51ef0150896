"""Sends the call to its upstream, with retries and failover.

The candidates for failover come from `fallback_paths` of a request processor, from the router's config, or are further
models of providers. An attempt can only fail before anything has been sent to the client. Each attempt has its own
request section, made from the fields as processors left them; the record shows the section of the last attempt.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from services.gl.attempt.failover import each_once, has_failed, is_simple, is_time_for, retry_after, total_timeout
from services.gl.call_candidates import candidates_of, chosen_router
from services.gl.errors import Refusal
from services.gl.resilience import retry
from services.gl.sending import local
from services.gl.sending.discarded import discard
from services.gl.sending.preparation import prepare
from services.gl.sending.sending import send, send_and_list
from services.gl.translation.translated_request import translate_request

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.candidates.candidate import Candidate
    from services.gl.dependencies import Dependencies
    from services.gl.http import Response
    from services.gl.routing.routers import Router


def plan(call: Call, deps: Dependencies) -> None:
    """Set the candidates of the call, without those whose circuit breaker is open."""
    if not call.candidates:
        call.candidates = candidates_of(call)
    if len(call.candidates) > 1 and any(candidate.breaker is not None for candidate in call.candidates):
        call.candidates = tuple(deps.targets.breakers.admitted(call.candidates))


async def run(call: Call, deps: Dependencies) -> None:
    """Set the response: gl's own, that of the first candidate that does not fail, or that of the last candidate."""
    router = chosen_router(call)
    call.deadline = _deadline(router)
    has_choice = len(call.candidates) > 1 or call.candidates[0].is_translated
    if has_choice and call.own_response is None and call.client_body is not None:
        call.candidates = await _callable(call, deps)
    if (waiting := prepare(call, call.candidates[0])) is not None:
        await waiting
    call.response = local.response(call, call.required_attempt())
    if call.response is None:
        is_one_request = is_simple(call.candidates, router.resilience)
        call.response = await (send(call, deps) if is_one_request else _fail_over(call, router, deps))


async def _callable(call: Call, deps: Dependencies) -> tuple[Candidate, ...]:
    """The candidates from the first on that can be sent the request. Raises Refusal if none can.

    Translation may take a while, if images are fetched. A candidate whose circuit breaker no longer admits a call is
    passed over if there is another one.
    """
    refusal: Refusal | None = None
    passed_over: int | None = None
    for number, candidate in enumerate(call.candidates):
        try:
            if candidate.is_translated:
                await translate_request(call, candidate, deps.images)
        except Refusal as found:
            refusal = refusal or found
            continue
        if deps.targets.breakers.admits(candidate):
            return call.candidates[number:]
        passed_over = number if passed_over is None else passed_over
    if passed_over is None:
        raise refusal or Refusal(500, "a call without candidates")
    return call.candidates[passed_over:]


def _deadline(router: Router) -> float | None:
    """When all attempts of a call for this router have to be over, by the event loop's clock; None: no deadline."""
    seconds = total_timeout(router)
    return None if seconds is None else asyncio.get_running_loop().time() + seconds


async def _fail_over(call: Call, router: Router, deps: Dependencies) -> Response:
    """Return the response of the first candidate that does not fail, else that of the last. Lists all attempts.

    `router` is the one that the call was meant for. Its resilience rules apply to all candidates.
    """
    rules = router.resilience
    call.outcomes = []
    call.response_section.opt_in_fields = {"attempts": call.outcomes}
    response = await send_and_list(call, rules, deps)
    if not has_failed(call.fault, call.outcome_status(response), rules):  # most calls
        return response
    others = each_once(call.candidates)[1:]
    response = await _retry(call, response, router, deps, is_last=not others)
    for number, candidate in enumerate(others, 1):
        if not has_failed(call.fault, call.outcome_status(response), rules) or not _is_time_for(0.0, call):
            break
        if not deps.targets.breakers.admits(candidate):  # since `plan`, because of other calls
            continue
        try:
            if candidate.is_translated:
                await translate_request(call, candidate, deps.images)
        except Refusal:  # it cannot express the request
            continue
        await discard(call, response)
        await _prepare(call, candidate)
        response = await send_and_list(call, rules, deps)
        response = await _retry(call, response, router, deps, is_last=number == len(others))
    return response


async def _retry(call: Call, response: Response, router: Router, deps: Dependencies, *, is_last: bool) -> Response:
    """Repeat the last attempt as often as the router allows if its response is a failure. Return the last response.

    A target whose circuit breaker has opened is not retried, unless it is the last one.
    """
    rules, retries, candidate = router.resilience, 0, call.required_attempt().candidate
    while has_failed(call.fault, call.outcome_status(response), rules) and (
        is_last or deps.targets.breakers.admits(candidate)
    ):
        jitter = random.random()  # noqa: S311 - no secret
        pause = retry.pause(rules, retries, jitter, retry_after(response.headers), time.time())
        if pause is None or not _is_time_for(pause, call):
            break
        await discard(call, response)
        await asyncio.sleep(pause)
        await _prepare(call, candidate)
        response = await send_and_list(call, rules, deps)
        retries += 1
    return response


def _is_time_for(pause: float, call: Call) -> bool:
    return is_time_for(pause, call.deadline, asyncio.get_running_loop().time())


async def _prepare(call: Call, candidate: Candidate) -> None:
    if (waiting := prepare(call, candidate)) is not None:
        await waiting
