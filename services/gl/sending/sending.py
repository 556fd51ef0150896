"""Sends the last attempt of a call, and updates circuit breakers and latencies with the outcome."""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING

from services.gl.attempt.failover import retry_after
from services.gl.attempt.failure import failure
from services.gl.attempt.outcome import BROKEN_OFF, AttemptOutcome, listed
from services.gl.errors import NO_FREE_CONNECTION, TOO_LARGE, UpstreamError, reply_to
from services.gl.resilience.failures import USUAL
from services.gl.responses.response import LocalResponse
from services.gl.sending import opening

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.http import Response, UpstreamResponse
    from services.gl.resilience.rules import ResilienceRules


async def send(call: Call, deps: Dependencies) -> UpstreamResponse | LocalResponse:
    """Send the last attempt. If the upstream cannot be called, the response is a 502, 503 or 504 of gl."""
    call.fault, call.opened = "", None
    try:
        return await deps.upstream.send(call.required_attempt().request)
    except UpstreamError as error:
        return failed(call, error)


async def _open(call: Call, response: UpstreamResponse) -> UpstreamResponse | LocalResponse:
    """Read the beginning of a provider's response. If it breaks off, the response is one of gl as above."""
    try:
        call.opened = await opening.opened(call.required_attempt(), response, call.config.limits.response_buffer)
    except UpstreamError as error:
        return failed(call, error)
    return response


def failed(call: Call, error: UpstreamError) -> LocalResponse:
    """The response of gl to a call whose upstream cannot be called."""
    call.fault = error.reason
    reply = reply_to(failure(call.target_router, error), call.error_format)
    return LocalResponse(reply.status, reply.body)


async def send_and_list(call: Call, rules: ResilienceRules, deps: Dependencies) -> Response:
    """Send the last attempt as `send` does, and list it in the record even if the client disconnects meanwhile.

    Updates the circuit breaker and the latency of the target.
    """
    attempt, targets, start = call.required_attempt(), deps.targets, monotonic_ns()
    candidate = attempt.candidate
    outcome, arrived = BROKEN_OFF, start
    has_target_failed: bool | None = None
    began = targets.breakers.began(candidate)
    try:
        response = await send(call, deps)
        arrived = monotonic_ns()
        if not isinstance(response, LocalResponse) and opening.may_tell_more(attempt, response):
            response = await _open(call, response)
        if not call.fault or not _is_no_fault(call):
            has_target_failed = bool(call.fault) or call.outcome_status(response) in USUAL
        outcome = _outcome(call, response, rules)
        return response
    finally:
        stop = monotonic_ns()
        reason = outcome.reason if has_target_failed else ""
        targets.breakers.ended(candidate, began, failed=has_target_failed, reason=reason)
        if has_target_failed is False:
            targets.latencies.measured(candidate.key, (arrived - start) / 1e9)
        if call.outcomes is not None:
            call.outcomes.append(listed(attempt, outcome, start, stop))


def _is_no_fault(call: Call) -> bool:
    """Whether the target is not to blame for the failure of the last attempt.

    No connection to it was free, its response is larger than gl can translate, or earlier attempts had used up the
    time.
    """
    if call.fault == NO_FREE_CONNECTION or call.fault.startswith(TOO_LARGE):
        return True
    is_over = call.deadline is not None and asyncio.get_running_loop().time() >= call.deadline
    return is_over and len(call.attempts) > 1


def _outcome(call: Call, response: Response, rules: ResilienceRules) -> AttemptOutcome:
    if call.fault:
        return AttemptOutcome(error=call.fault)
    later = retry_after(response.headers) if call.outcome_status(response) in rules.fail_on else None
    error = "" if call.opened is None else call.recorded_message(call.opened.error)
    return AttemptOutcome(response.status, error, later)
