"""What happens to a call, from top to bottom.

A stage takes the call and its dependencies, and sets the fields that later stages need. It returns an awaitable if it
must wait, else None. It raises `Refusal` to end the call early. The record is written in any case, even if the client
disconnects, the upstream breaks off, or gl itself fails (for a call without the required headers, only if the config
says so).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from gecholog import logs
from gecholog.logs import Log
from services.gl.errors import ErrorDetail, Refusal
from services.gl.http import Disconnected
from services.gl.replies import ending
from services.gl.stages import (
    access,
    attempts,
    egress,
    inbound,
    ingress,
    metrics,
    models,
    processors,
    publication,
    quota,
)

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies

log = Log("pipeline")

Stage = Callable[["Call", "Dependencies"], Awaitable[None] | None]


class Step(NamedTuple):
    """A stage after the reply.

    `for_unrecorded`: it also runs for calls that leave no record. `when_stopping`: it runs even if the gateway is
    stopping.
    """

    stage: Stage
    for_unrecorded: bool = False
    when_stopping: bool = True


BEFORE_REPLY: tuple[Stage, ...] = (
    ingress.read_head,  # check the headers that the router requires
    access.authenticate,  # the client's key, from memory
    quota.admit,  # requests per minute and day, concurrency
    ingress.read_body,  # within the byte budget of all bodies
    processors.before_call,  # request processors, row by row
    models.resolve_model,  # on routers of models: model name → models of providers
    access.restrict,  # what the key lets the request ask for
    quota.reserve,  # tokens and money that the call may use
    attempts.plan,  # list the candidates: the target, then those for failover
    attempts.run,  # send the request, with retries and failover; or respond without an upstream
    inbound.receive,  # status and headers; also the body, if response processors need it
    egress.offer,  # show the reply to response processors
    processors.before_reply,  # response processors, row by row
    egress.prepare,  # set status, headers and body of the reply
    egress.reply,  # send it piece by piece
)

AFTER_REPLY: tuple[Step, ...] = (
    Step(egress.conclude),  # record a response that broke off
    Step(quota.settle, for_unrecorded=True),  # what the call has used
    Step(processors.after_reply, when_stopping=False),  # asynchronous processors
    Step(publication.publish),  # complete the record and publish it
    Step(metrics.observe, for_unrecorded=True),  # count it for Prometheus
)


async def run(call: Call, deps: Dependencies) -> None:
    """Run all stages for a call."""
    token = logs.transaction.set(call.ids.transaction_id)
    try:
        await _before_reply(call, deps)
        call.mark_replied()
        await take(AFTER_REPLY, call, deps)
    finally:
        logs.transaction.reset(token)


async def _before_reply(call: Call, deps: Dependencies) -> None:
    """Run the stages up to the reply. If one fails, the client gets an error, or its connection is closed."""
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
    """Run the steps after the reply. If one fails, the others still run."""
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
