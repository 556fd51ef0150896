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

from services.gl import local
from services.gl.candidates import candidates_of, chosen_router
from services.gl.errors import UpstreamError
from services.gl.failover import each_once, has_failed, is_simple, retry_after, total_timeout
from services.gl.preparation import prepare
from services.gl.resilience import retry
from services.gl.sending import failed, send, send_and_list

if TYPE_CHECKING:
    from services.gl.attempt import Candidate
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.http import Response
    from services.gl.routing import Router


def plan(call: Call, deps: Dependencies) -> None:
    """Set the candidates of the call, without those whose circuit breaker is open."""
    if not call.candidates:
        call.candidates = candidates_of(call)
    if len(call.candidates) > 1 and any(candidate.breaker is not None for candidate in call.candidates):
        call.candidates = tuple(deps.targets.breakers.admitted(call.candidates))


async def run(call: Call, deps: Dependencies) -> None:
    """Set the response: gl's own, that of the first candidate that does not fail, or that of the last candidate."""
    await _prepare(call, call.candidates[0])
    call.response = local.response(call, call.required_attempt())
    if call.response is None:
        router = chosen_router(call)
        is_one_request = is_simple(call.candidates, router.resilience)
        call.response = await (send(call, deps) if is_one_request else _fail_over(call, router, deps))


async def _fail_over(call: Call, router: Router, deps: Dependencies) -> Response:
    """Return the response of the first candidate that does not fail, else that of the last. Lists all attempts.

    `router` is the one that the call was meant for. Its resilience rules apply to all candidates.
    """
    call.outcomes = []
    call.response_section.opt_in_fields = {"attempts": call.outcomes}
    try:
        async with asyncio.timeout(total_timeout(router)):
            return await _each_in_turn(call, router, deps)
    except TimeoutError:
        return failed(call, UpstreamError(504, "no answer in time"))


async def _each_in_turn(call: Call, router: Router, deps: Dependencies) -> Response:
    response = await _with_retries(call, router, deps)
    for candidate in each_once(call.candidates)[1:]:
        if not has_failed(call.fault, response.status, router.resilience):
            break
        response.abandon()
        await _prepare(call, candidate)
        response = await _with_retries(call, router, deps)
    return response


async def _with_retries(call: Call, router: Router, deps: Dependencies) -> Response:
    """Make the last attempt, and repeat it after a failure as often as the router allows. Return the last response."""
    rules, retries = router.resilience, 0
    response = await send_and_list(call, rules, deps)
    while has_failed(call.fault, response.status, rules):
        jitter = random.random()  # noqa: S311 - no secret
        pause = retry.pause(rules, retries, jitter, retry_after(response.headers), time.time())
        if pause is None:
            break
        response.abandon()
        await asyncio.sleep(pause)
        await _prepare(call, call.required_attempt().candidate)
        response = await send_and_list(call, rules, deps)
        retries += 1
    return response


async def _prepare(call: Call, candidate: Candidate) -> None:
    if (waiting := prepare(call, candidate)) is not None:
        await waiting
