"""Prepares an attempt: builds the request to a candidate before it is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog.timer import span
from services.gl.models.endpoint import Kind
from services.gl.sending import include_usage, outbound
from services.gl.sending.model_request import LARGE, body_for
from services.gl.translation.translated_request import with_translated

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from services.gl.attempt.attempt import Attempt
    from services.gl.call import Call
    from services.gl.candidates.candidate import Candidate

_ABOUT_AN_ACCOUNT = Kind.ACCOUNT  # looking up an enum member costs time in every call


def prepare(call: Call, candidate: Candidate) -> Awaitable[None] | None:
    """Prepare an attempt to call a candidate, and add it to the attempts of the call."""
    if candidate.provider is not None:
        return _prepare_for_provider(call, candidate)
    attempt = outbound.build(call, candidate)
    call.begin(attempt)
    if include_usage.may_request_usage(attempt.request, is_charged=call.is_charged):
        return _request_usage(call, attempt)
    _mark_sent(call, attempt)
    return None


async def _prepare_for_provider(call: Call, candidate: Candidate) -> None:
    """Prepare an attempt with a request that is adapted to its provider."""
    if call.translated and (translated := call.translated.get(candidate.key)) is not None:
        attempt = with_translated(outbound.build(call, candidate), translated)
        call.begin(attempt)
        _mark_sent(call, attempt)
        return
    body, endpoint = call.client_body, candidate.endpoint
    adapted = None
    if body is not None and endpoint is not None and endpoint.kind is not _ABOUT_AN_ACCOUNT:
        is_large = len(body.data) > LARGE
        adapted = await asyncio.to_thread(body_for, body, candidate) if is_large else body_for(body, candidate)
    attempt = outbound.build(call, candidate, adapted)
    call.begin(attempt)
    may_stream = candidate.is_asked_for_usage and (body is None or body.may_stream)
    if may_stream and include_usage.may_request_usage(attempt.request):
        await _request_usage(call, attempt)
    else:
        _mark_sent(call, attempt)


async def _request_usage(call: Call, attempt: Attempt) -> None:
    """Request the usage of a stream."""
    revised = await include_usage.with_usage_request(attempt)
    if revised is not attempt:
        call.revise(revised)
    _mark_sent(call, revised)


def _mark_sent(call: Call, attempt: Attempt) -> None:
    call.mark_sent()
    attempt.section.fields["ingress_outbound_timer"] = span(call.started, call.sent)
