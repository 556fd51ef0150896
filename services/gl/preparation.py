"""Prepares an attempt: builds the request to a candidate before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.timer import span
from services.gl import include_usage, model_request, outbound
from services.gl.models.profile import CHAT
from services.gl.translated_request import with_translated

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from services.gl.attempt import Attempt, Candidate
    from services.gl.call import Call


def prepare(call: Call, candidate: Candidate) -> Awaitable[None] | None:
    """Prepare an attempt to call a candidate, and add it to the attempts of the call."""
    attempt = outbound.build(call, candidate)
    call.begin(attempt)
    if candidate.provider is not None or include_usage.may_request_usage(attempt.request):
        return _adapt(call, attempt)
    _mark_sent(call, attempt)
    return None


async def _adapt(call: Call, attempt: Attempt) -> None:
    """Adapt the request to its provider, and request the usage of a stream."""
    if call.translated and (translated := call.translated.get(attempt.candidate.key)) is not None:
        call.revise(with_translated(attempt, translated))
        _mark_sent(call, call.required_attempt())
        return
    if attempt.candidate.provider is not None and call.client_body is not None:
        attempt = await model_request.for_provider(attempt, call.client_body)
        call.revise(attempt)
    if _may_request_usage(attempt):
        attempt = await include_usage.with_usage_request(attempt)
        call.revise(attempt)
    _mark_sent(call, attempt)


def _may_request_usage(attempt: Attempt) -> bool:
    """Whether gl may request the usage of a stream. From providers it does so for chat completions only."""
    endpoint = attempt.candidate.endpoint
    return (endpoint is None or endpoint.path == CHAT) and include_usage.may_request_usage(attempt.request)


def _mark_sent(call: Call, attempt: Attempt) -> None:
    call.mark_sent()
    attempt.section.fields["ingress_outbound_timer"] = span(call.started, call.sent)
