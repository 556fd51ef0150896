"""Attempts: the call to its target, and to the next one as long as a target fails and there is another.

Other targets are named by a request processor in `fallback_paths`, by the router in its config, or are further models
of providers. Nothing has gone to the caller by the time an attempt fails. Each attempt has a request section of the
record of its own, made from the fields as processors left them; the record shows the last one.
"""

from __future__ import annotations

import asyncio
import random
import time
from time import monotonic_ns
from typing import TYPE_CHECKING

from gecholog.retry_after import seconds
from gecholog.timer import span
from services.gl import include_usage, local, model_request, outbound
from services.gl.candidates import candidates_of, chosen_router
from services.gl.errors import UpstreamError, reply_to
from services.gl.failover import each_once, retry_after
from services.gl.models.profile import CHAT
from services.gl.resilience import backoff
from services.gl.resilience.failures import USUAL
from services.gl.responses import LocalResponse
from services.gl.target_failure import failure

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gecholog.record import Fields
    from services.gl.attempt import Attempt, Candidate
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.http import Response
    from services.gl.resilience.rules import ResilienceRules


def plan(call: Call, deps: Dependencies) -> None:
    """Decide where the call may go, before the first attempt."""
    if not call.candidates:
        call.candidates = candidates_of(call)
    if len(call.candidates) > 1 and any(candidate.breaker is not None for candidate in call.candidates):
        call.candidates = tuple(deps.targets.admitted(call.candidates))


async def run(call: Call, deps: Dependencies) -> None:
    """Get an answer: gl's own, or the one of the first candidate that does not fail, or else of the last one."""
    if (waiting := begin(call, call.candidates[0])) is not None:
        await waiting
    call.response = local.response(call, call.required_attempt())
    if call.response is None:
        send = _send if _is_simple(call) else _fail_over
        call.response = await send(call, deps)


def _is_simple(call: Call) -> bool:
    """Whether one request to one target is all that is done, and nobody asks how it went."""
    rules = _rules(call)
    is_only_one = len(call.candidates) == 1 and call.candidates[0].breaker is None
    return is_only_one and not rules.retries and not rules.fallbacks


def _rules(call: Call) -> ResilienceRules:
    """What the router says of failures that the call was to go to, whichever candidate is tried first."""
    return chosen_router(call).resilience


# ------------------------------------------------------------------ one attempt


def begin(call: Call, candidate: Candidate) -> Awaitable[None] | None:
    """Prepare the attempt to call a candidate, and add it to those of the call."""
    attempt = outbound.build(call, candidate)
    call.begin(attempt)
    if candidate.provider is not None or include_usage.may_ask(attempt.request):
        return _adapt(call, attempt)
    _mark_sent(call, attempt)
    return None


async def _adapt(call: Call, attempt: Attempt) -> None:
    """Make the request one for its provider, and ask for the usage of a stream."""
    if attempt.candidate.provider is not None and call.client_body is not None:
        attempt = await model_request.for_provider(attempt, call.client_body)
        call.revise(attempt)
    if _may_ask_usage(attempt):
        attempt = await include_usage.asking(attempt)
        call.revise(attempt)
    _mark_sent(call, attempt)


def _may_ask_usage(attempt: Attempt) -> bool:
    """Whether gl may ask for the usage of a stream; of a provider only chat completions are asked."""
    endpoint = attempt.candidate.endpoint
    return (endpoint is None or endpoint.path == CHAT) and include_usage.may_ask(attempt.request)


def _mark_sent(call: Call, attempt: Attempt) -> None:
    call.mark_sent()
    attempt.section.fields["ingress_outbound_timer"] = span(call.started, call.sent)


async def _send(call: Call, deps: Dependencies) -> Response:
    """The answer to the last attempt. A target that cannot be called is an answer as well: 502, 503 or 504."""
    call.fault = ""
    try:
        return await deps.upstream.send(call.required_attempt().request)
    except UpstreamError as error:
        return _failed(call, error)


def _failed(call: Call, error: UpstreamError) -> LocalResponse:
    call.fault = error.reason
    told = reply_to(failure(call.target_router, error), call.error_format)
    return LocalResponse(told.status, told.body)


# ------------------------------------------------------------------ several


async def _fail_over(call: Call, deps: Dependencies) -> Response:
    """The answer of the first candidate that does not fail, or else of the last one. All attempts are listed."""
    call.outcomes = []
    call.response_section.opt_in_fields = {"attempts": call.outcomes}
    try:
        async with asyncio.timeout(_total(call)):
            return await _each_in_turn(call, deps)
    except TimeoutError:
        return _failed(call, UpstreamError(504, "no answer in time"))


def _total(call: Call) -> float | None:
    """Seconds for all attempts that the config of the call's router makes possible; None is no limit.

    Fallbacks of a processor come on top, as they always did: each has the time of its own router.
    """
    router, rules = chosen_router(call), _rules(call)
    is_of_config = router.models or rules.retries or rules.fallbacks
    return router.target.timeouts.total if is_of_config else None


async def _each_in_turn(call: Call, deps: Dependencies) -> Response:
    response = await _with_retries(call, deps)
    for candidate in each_once(call.candidates)[1:]:
        if not _has_failed(call, response.status):
            break
        response.abandon()
        if (waiting := begin(call, candidate)) is not None:
            await waiting
        response = await _with_retries(call, deps)
    return response


async def _with_retries(call: Call, deps: Dependencies) -> Response:
    """The answer to the last attempt, which is made again after failures if the router says so."""
    rules = _rules(call)
    response = await _send_and_list(call, deps)
    for retry in range(rules.retries):
        if not _has_failed(call, response.status):
            break
        told = retry_after(response.headers)
        asked = None if told is None else seconds(told, time.time())
        pause = backoff.pause(retry, random.random(), asked, rules.retry_after_max)  # noqa: S311 - no secret
        if pause is None:
            break
        response.abandon()
        await asyncio.sleep(pause)
        if (waiting := begin(call, call.required_attempt().candidate)) is not None:
            await waiting
        response = await _send_and_list(call, deps)
    return response


def _has_failed(call: Call, status: int) -> bool:
    """Whether the last attempt failed: its target could not be called, or the router takes its status for a failure."""
    return bool(call.fault) or status in _rules(call).fail_on


async def _send_and_list(call: Call, deps: Dependencies) -> Response:
    """Make the last attempt, and list what came of it for the record, also if the caller leaves meanwhile."""
    start = monotonic_ns()
    attempt = call.required_attempt()
    candidate = attempt.candidate
    outcome: Fields = {"error": "broken off"}
    has_failed: bool | None = None
    deps.targets.began(candidate)
    try:
        response = await _send(call, deps)
        has_failed = bool(call.fault) or response.status in USUAL
        outcome = {"error": call.fault} if call.fault else _told(call, response)
        return response
    finally:
        took = monotonic_ns() - start
        deps.targets.ended(candidate, failed=has_failed, seconds=took / 1e9)
        where: Fields = {"gl_path": candidate.router.path, "url": attempt.url}
        if candidate.provider is not None:
            where |= {"provider": candidate.provider.name, "model": candidate.model}
        if call.outcomes is not None:
            call.outcomes.append(where | outcome | {"timer": span(start, monotonic_ns())})


def _told(call: Call, response: Response) -> Fields:
    """What the record says of a target's answer. One that fails is thrown away, perhaps, with its `Retry-After`."""
    later = retry_after(response.headers) if _has_failed(call, response.status) else None
    return {"status_code": response.status} | ({} if later is None else {"retry_after": later})
