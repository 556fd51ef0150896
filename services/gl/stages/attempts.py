"""Sends the call to its upstream, with retries and failover.

The candidates for failover come from `fallback_paths` of a request processor, from the router's config, or are further
models of providers. An attempt can only fail before anything has been sent to the client. Each attempt has its own
request section, made from the fields as processors left them; the record shows the section of the last attempt.
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
    """Set the candidates of the call, without those whose circuit breaker is open."""
    if not call.candidates:
        call.candidates = candidates_of(call)
    if len(call.candidates) > 1 and any(candidate.breaker is not None for candidate in call.candidates):
        call.candidates = tuple(deps.targets.admitted(call.candidates))


async def run(call: Call, deps: Dependencies) -> None:
    """Set the response: gl's own, that of the first candidate that does not fail, or that of the last candidate."""
    if (waiting := begin(call, call.candidates[0])) is not None:
        await waiting
    call.response = local.response(call, call.required_attempt())
    if call.response is None:
        send = _send if _is_simple(call) else _fail_over
        call.response = await send(call, deps)


def _is_simple(call: Call) -> bool:
    """Whether one request to one upstream is enough: no retry, no failover, no circuit breaker."""
    rules = _rules(call)
    is_only_one = len(call.candidates) == 1 and call.candidates[0].breaker is None
    return is_only_one and not rules.retries and not rules.fallbacks


def _rules(call: Call) -> ResilienceRules:
    """The resilience rules of the router that the call was meant for. They apply to all candidates."""
    return chosen_router(call).resilience


# ------------------------------------------------------------------ one attempt


def begin(call: Call, candidate: Candidate) -> Awaitable[None] | None:
    """Prepare an attempt to call a candidate, and add it to the attempts of the call."""
    attempt = outbound.build(call, candidate)
    call.begin(attempt)
    if candidate.provider is not None or include_usage.may_ask(attempt.request):
        return _adapt(call, attempt)
    _mark_sent(call, attempt)
    return None


async def _adapt(call: Call, attempt: Attempt) -> None:
    """Adapt the request to its provider, and request the usage of a stream."""
    if attempt.candidate.provider is not None and call.client_body is not None:
        attempt = await model_request.for_provider(attempt, call.client_body)
        call.revise(attempt)
    if _may_ask_usage(attempt):
        attempt = await include_usage.asking(attempt)
        call.revise(attempt)
    _mark_sent(call, attempt)


def _may_ask_usage(attempt: Attempt) -> bool:
    """Whether gl may request the usage of a stream. From providers it does so for chat completions only."""
    endpoint = attempt.candidate.endpoint
    return (endpoint is None or endpoint.path == CHAT) and include_usage.may_ask(attempt.request)


def _mark_sent(call: Call, attempt: Attempt) -> None:
    call.mark_sent()
    attempt.section.fields["ingress_outbound_timer"] = span(call.started, call.sent)


async def _send(call: Call, deps: Dependencies) -> Response:
    """Send the last attempt. If the upstream cannot be called, the response is a 502, 503 or 504 of gl."""
    call.fault = ""
    try:
        return await deps.upstream.send(call.required_attempt().request)
    except UpstreamError as error:
        return _failed(call, error)


def _failed(call: Call, error: UpstreamError) -> LocalResponse:
    call.fault = error.reason
    retry_after_header = reply_to(failure(call.target_router, error), call.error_format)
    return LocalResponse(retry_after_header.status, retry_after_header.body)


# ------------------------------------------------------------------ several


async def _fail_over(call: Call, deps: Dependencies) -> Response:
    """Return the response of the first candidate that does not fail, else that of the last. Lists all attempts."""
    call.outcomes = []
    call.response_section.opt_in_fields = {"attempts": call.outcomes}
    try:
        async with asyncio.timeout(_total(call)):
            return await _each_in_turn(call, deps)
    except TimeoutError:
        return _failed(call, UpstreamError(504, "no answer in time"))


def _total(call: Call) -> float | None:
    """The time limit in seconds for all attempts that the config of the call's router makes possible; None: no limit.

    Fallbacks that a processor names are not limited by it: each has the time limits of its own router.
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
    """Make the last attempt, and repeat it after a failure as often as the router allows. Return the last response."""
    rules = _rules(call)
    response = await _send_and_list(call, deps)
    for retry in range(rules.retries):
        if not _has_failed(call, response.status):
            break
        retry_after_header = retry_after(response.headers)
        retry_after_s = None if retry_after_header is None else seconds(retry_after_header, time.time())
        pause = backoff.pause(retry, random.random(), retry_after_s, rules.retry_after_max)  # noqa: S311 - no secret
        if pause is None:
            break
        response.abandon()
        await asyncio.sleep(pause)
        if (waiting := begin(call, call.required_attempt().candidate)) is not None:
            await waiting
        response = await _send_and_list(call, deps)
    return response


def _has_failed(call: Call, status: int) -> bool:
    """Whether the last attempt failed: the upstream could not be called, or its status is in the router's `fail_on`."""
    return bool(call.fault) or status in _rules(call).fail_on


async def _send_and_list(call: Call, deps: Dependencies) -> Response:
    """Make the last attempt, and list its outcome for the record even if the client disconnects meanwhile."""
    start = monotonic_ns()
    attempt = call.required_attempt()
    candidate = attempt.candidate
    outcome: Fields = {"error": "broken off"}
    has_failed: bool | None = None
    deps.targets.began(candidate)
    try:
        response = await _send(call, deps)
        has_failed = bool(call.fault) or response.status in USUAL
        outcome = {"error": call.fault} if call.fault else _status_fields(call, response)
        return response
    finally:
        took = monotonic_ns() - start
        deps.targets.ended(candidate, failed=has_failed, seconds=took / 1e9)
        where: Fields = {"gl_path": candidate.router.path, "url": attempt.url}
        if candidate.provider is not None:
            where |= {"provider": candidate.provider.name, "model": candidate.model}
        if call.outcomes is not None:
            call.outcomes.append(where | outcome | {"timer": span(start, monotonic_ns())})


def _status_fields(call: Call, response: Response) -> Fields:
    """The outcome of a response for the record. A failed response may be dropped, so its `Retry-After` is recorded."""
    later = retry_after(response.headers) if _has_failed(call, response.status) else None
    return {"status_code": response.status} | ({} if later is None else {"retry_after": later})
