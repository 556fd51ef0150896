"""The exchange: the call is made, or answered in place of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.answers import LocalAnswer
from services.gl.stages import attempts, control

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.doors import Doors


async def send(call: Call, doors: Doors) -> None:
    """Get an answer: a processor's `control`, the echo of what would be sent, or a target's."""
    if "control" in call.request.fields:
        call.answer = control.answer(call)
    elif call.router.is_echo:
        outbound = call.required_outbound()
        call.answer = LocalAnswer(200, outbound.body, outbound.headers, content_type=None)
    elif call.failover is None:
        call.answer = await attempts.ask(call, doors)
    else:
        call.answer = await attempts.until_answered(call, call.failover, doors)
