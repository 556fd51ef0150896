"""Dispatch: the call is made, or answered in place of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.headers import MASK
from services.gl import echo
from services.gl.answers import LocalAnswer
from services.gl.routing import Action
from services.gl.stages import attempts, control

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.doors import Doors


async def send(call: Call, doors: Doors) -> None:
    """Get an answer: a processor's `control`, the echo of what would be sent, or a target's."""
    if "control" in call.request_section.fields:
        call.answer = control.answer(call)
    elif Action.ECHO in (call.router.action, call.required_target_router().action):
        call.answer = _echo(call)
    elif call.failover is None:
        call.answer = await attempts.ask(call, doors)
    else:
        call.answer = await attempts.until_answered(call, call.failover, doors)


def _echo(call: Call) -> LocalAnswer:
    """What would have been sent, but for the keys that the config adds: those are not for the caller."""
    outbound, static = call.required_outbound(), call.required_target_router().target.headers
    keys = static.keys() & call.config.masked & outbound.headers.keys()
    shown = echo.headers_of(outbound.headers | {key: [MASK] for key in keys}, static)
    return LocalAnswer(200, outbound.body, shown, content_type=None)
