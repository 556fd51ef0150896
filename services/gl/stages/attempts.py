"""Attempts: the call to its target, and to the next one as long as a target fails and there is another.

A request processor names the others in `fallback_paths`. Nothing has gone to the caller by the time an attempt fails.
Each attempt has a request section of the record of its own, made from the fields as processors left them; the record
shows the last one.
"""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

from gecholog.timer import span
from services.gl import include_usage, local, outbound
from services.gl.answers import LocalAnswer
from services.gl.candidates import candidates_of
from services.gl.errors import UpstreamError, reply_to
from services.gl.failover import has_failed, next_candidate, retry_after
from services.gl.target_failure import failure

if TYPE_CHECKING:
    from gecholog.record import Fields
    from services.gl.attempt import Attempt, Candidate
    from services.gl.call import Call
    from services.gl.doors import Doors
    from services.gl.http import Response


def plan(call: Call, _: Doors) -> None:
    """Decide where the call may go, before the first attempt."""
    call.candidates = candidates_of(call)


async def run(call: Call, doors: Doors) -> None:
    """Get an answer: gl's own, or the one of the first candidate that does not fail, or else of the last one."""
    attempt = await begin(call, call.candidates[0])
    call.answer = local.answer(call, attempt)
    if call.answer is None:
        send = _send if len(call.candidates) == 1 else _fail_over
        call.answer = await send(call, attempt, doors)


async def begin(call: Call, candidate: Candidate) -> Attempt:
    """Prepare the attempt to call a candidate, and add it to those of the call."""
    attempt = outbound.build(call, candidate)
    call.attempts += (attempt,)
    if include_usage.may_ask(attempt.request):
        attempt = await include_usage.asking(attempt)
        call.attempts = (*call.attempts[:-1], attempt)
    call.mark_sent()
    attempt.section.fields["ingress_outbound_timer"] = span(call.started, call.sent)
    return attempt


async def _send(call: Call, attempt: Attempt, doors: Doors) -> Response:
    """The answer of a target. One that cannot be called is an answer as well: 502, 503 or 504."""
    call.fault = ""
    try:
        return await doors.upstream.send(attempt.request)
    except UpstreamError as error:
        call.fault = error.reason
        told = reply_to(failure(attempt.candidate.router, error), call.error_format)
        return LocalAnswer(told.status, told.body)


async def _fail_over(call: Call, attempt: Attempt, doors: Doors) -> Response:
    """The answer of the first candidate that does not fail, or else of the last one. All attempts are listed."""
    call.outcomes = []
    call.response_section.opt_in_fields = {"attempts": call.outcomes}
    answer = await _send_and_list(call, attempt, call.outcomes, doors)
    while has_failed(answer.status) and (candidate := _next(call)) is not None:
        answer.abandon()
        answer = await _send_and_list(call, await begin(call, candidate), call.outcomes, doors)
    return answer


def _next(call: Call) -> Candidate | None:
    return next_candidate(call.candidates, [attempt.candidate for attempt in call.attempts])


async def _send_and_list(call: Call, attempt: Attempt, listed: list[Fields], doors: Doors) -> Response:
    """Call a target, and list what came of it for the record, also if the caller leaves meanwhile."""
    start = monotonic_ns()
    outcome: Fields = {"error": "broken off"}
    try:
        answer = await _send(call, attempt, doors)
        outcome = {"error": call.fault} if call.fault else _told(answer)
        return answer
    finally:
        where = {"gl_path": attempt.candidate.router.path, "url": attempt.url}
        listed.append(where | outcome | {"timer": span(start, monotonic_ns())})


def _told(answer: Response) -> Fields:
    """What the record says of a target's answer. One that fails is thrown away, perhaps, with its `Retry-After`."""
    later = retry_after(answer.headers) if has_failed(answer.status) else None
    return {"status_code": answer.status} | ({} if later is None else {"retry_after": later})
