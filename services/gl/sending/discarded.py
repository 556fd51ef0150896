"""Discards the response of a failed attempt. If it reports token usage, the client is still charged for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog import llm
from gecholog.headers import first
from gecholog.media_type import media_type
from services.gl.errors import UpstreamError
from services.gl.record.usage import usage_json
from services.gl.responses.response import JSON, LocalResponse
from services.gl.usage.call_cost import cost_of_usage
from services.gl.usage.call_usage import add_beside

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.http import Response

_LARGEST = 64 * 1024  # bytes of a body that is read for its usage
_WAIT_S = 0.05  # for a body that has not arrived with its head


async def discard(call: Call, response: Response) -> None:
    """Discard the response of the last attempt, which has failed. Its usage and cost are listed with the attempt."""
    try:
        usage = llm.usage_in(await _body(call, response)) if _may_have_usage(response) else None
    finally:
        response.abandon()
    if usage is None or not call.outcomes:
        return
    attempt = call.required_attempt()
    cost = cost_of_usage(call.config.prices, attempt.candidate, attempt.request, usage)
    call.outcomes[-1] |= {"usage": usage_json(usage)} | ({} if cost is None else {"cost": cost.shown})
    add_beside(call, usage, cost)


def _may_have_usage(response: Response) -> bool:
    """Whether a response has a small JSON body, as errors have."""
    if isinstance(response, LocalResponse) or not response.length or response.length > _LARGEST:
        return False
    received = response.headers
    return media_type(first(received, "Content-Type")) == JSON and not first(received, "Content-Encoding")


async def _body(call: Call, response: Response) -> bytes:
    """The body; empty if it does not arrive at once. It may have been read already, to be translated."""
    pieces = [] if call.opened is None else [call.opened.body]
    try:
        async with asyncio.timeout(_WAIT_S):
            while piece := await response.read():
                pieces.append(piece)
    except (TimeoutError, UpstreamError):
        return b""
    return b"".join(pieces)
