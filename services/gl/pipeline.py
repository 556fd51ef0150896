"""What happens to a call, from top to bottom.

A stage takes the call and its dependencies, and fills in what the next stages need. It returns an awaitable if it must
wait, else None, and ends the call early by raising `Refusal`. The record is written in any case (for a call without the
required headers, only if the config says so): if the client leaves, if the upstream breaks off, and if gl itself fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from gecholog import logs
from gecholog.logs import Log
from services.gl import ending
from services.gl.errors import ErrorDetail, Refusal
from services.gl.http import Disconnected
from services.gl.stages import attempts, egress, inbound, ingress, models, processors, publication

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies

log = Log("pipeline")

Stage = Callable[["Call", "Dependencies"], Awaitable[None] | None]


class Step(NamedTuple):
    """A stage after the reply.

    `for_unrecorded`: it is also for calls that leave no record. `when_stopping`: there is time for it even if the
    gateway stops.
    """

    stage: Stage
    for_unrecorded: bool = False
    when_stopping: bool = True


BEFORE_REPLY: tuple[Stage, ...] = (
    ingress.read_head,  # check the headers that the router asks for
    ingress.read_body,  # as far as there is room for it
    processors.before_call,  # request processors, row by row
    models.resolve_model,  # the model of a request → models of providers, on routers of models
    attempts.plan,  # where the call may go: to its target, and elsewhere should that fail
    attempts.run,  # build a request, send it, and go on to the next target if that fails; or answer it here
    inbound.receive,  # status and headers; the body too, if somebody wants to change it
    egress.offer,  # what would go back
    processors.before_reply,  # response processors, row by row
    egress.prepare,  # status, headers, body
    egress.reply,  # piece by piece
)

AFTER_REPLY: tuple[Step, ...] = (
    Step(egress.conclude),  # what came of an answer that broke off
    Step(processors.after_reply, when_stopping=False),  # asynchronous processors
    Step(publication.publish),  # the record: timers, filters, the bus
)


async def run(call: Call, deps: Dependencies) -> None:
    """Take a call through all stages."""
    token = logs.transaction.set(call.ids.transaction_id)
    try:
        await _before_reply(call, deps)
        call.mark_replied()
        await take(AFTER_REPLY, call, deps)
    finally:
        logs.transaction.reset(token)


async def _before_reply(call: Call, deps: Dependencies) -> None:
    """The stages up to the reply. Whatever ends them early, the client has an error, or a connection that is closed."""
    try:
        if (waiting := deps.records.backpressure.admit_bytes(call)) is not None:
            await waiting
        for stage in BEFORE_REPLY:
            if (waiting := stage(call, deps)) is not None:
                await waiting
    except Refusal as refusal:
        await ending.refuse(call, refusal, deps)
    except (Disconnected, asyncio.CancelledError):
        ending.break_off(call)
    except Exception as error:  # noqa: BLE001 - a border: a fault of ours must cost one call at most
        log.fault("call failed", error)
        deps.status.failed(f"{type(error).__name__} in the gateway")
        detail = ErrorDetail(500, f"internal error of the gateway, see its log for {call.ids.transaction_id}")
        await ending.refuse(call, Refusal(500, "internal server error", detail=detail), deps)


async def take(steps: tuple[Step, ...], call: Call, deps: Dependencies) -> None:
    """Take the steps after the reply. What one of them cannot do costs no other."""
    is_stopping = False
    for step in steps:
        if not (call.is_recorded or step.for_unrecorded) or (is_stopping and not step.when_stopping):
            continue
        try:
            if (waiting := step.stage(call, deps)) is not None:
                await waiting
        except asyncio.CancelledError:
            ending.uncancel()
            is_stopping = True
        except Exception as error:  # noqa: BLE001 - a border: the client has the reply, what is left must go on
            log.fault("a stage after the reply failed", error)
            deps.status.failed(f"{type(error).__name__} after a reply")
