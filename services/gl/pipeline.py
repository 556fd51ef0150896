"""What happens to a call, from top to bottom.

A stage takes the call and its dependencies, and fills in what the next stages need. It returns an awaitable if it must
wait, else None, and ends the call early by raising `Refusal`. The record is written in any case (for a call without the
required headers, only if the config says so): if the client leaves, if the upstream breaks off, and if gl itself fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from gecholog import logs
from gecholog.logs import Log
from services.gl.errors import ErrorDetail, Refusal
from services.gl.http import Disconnected
from services.gl.record import recording
from services.gl.stages import attempts, egress, inbound, ingress, models, processors

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies

log = Log("pipeline")

Stage = Callable[["Call", "Dependencies"], Awaitable[None] | None]

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

AFTER_REPLY: tuple[Stage, ...] = (
    egress.conclude,  # what came of an answer that broke off
    processors.after_reply,  # asynchronous processors
)  # and last of all recording.publish: timers, filters, the bus


async def run(call: Call, deps: Dependencies) -> None:
    """Take a call through all stages."""
    token = logs.transaction.set(call.ids.transaction_id)
    try:
        await _answer(call, deps)
        call.mark_replied()
        if call.is_recorded:
            await _record(call, deps)
    finally:
        logs.transaction.reset(token)


async def _record(call: Call, deps: Dependencies) -> None:
    """What is left to do when the caller has the reply. Whatever fails on the way, the record is published."""
    try:
        for stage in AFTER_REPLY:
            waiting = stage(call, deps)
            if waiting is not None:
                await waiting
    except asyncio.CancelledError:  # the gateway stops: there is no more time for processors
        _uncancel()
    except Exception as error:  # noqa: BLE001 - a border: the caller has the reply, only the record is at stake
        log.fault("a stage after the reply failed", error)
        deps.status.failed(f"{type(error).__name__} after a reply")
    try:
        deps.status.saw(call)
        recording.publish(call, deps.records)
    except Exception as error:  # noqa: BLE001 - as above
        log.fault("record not written", error, record_id=call.record_id.hex())
        deps.status.failed(f"{type(error).__name__} while writing a record")
        deps.records.abandon(call.record_id)


async def _answer(call: Call, deps: Dependencies) -> None:
    try:
        if (waiting := deps.records.backpressure.admit_bytes(call)) is not None:
            await waiting
        for stage in BEFORE_REPLY:
            waiting = stage(call, deps)
            if waiting is not None:
                await waiting
    except Refusal as refusal:
        await _refuse(call, refusal, deps)
    except (Disconnected, asyncio.CancelledError):
        _gone(call)
    except Exception as error:  # noqa: BLE001 - a border: a fault of ours must cost one call at most
        log.fault("call failed", error)
        deps.status.failed(f"{type(error).__name__} in the gateway")
        detail = ErrorDetail(500, f"internal error of the gateway, see its log for {call.ids.transaction_id}")
        await _refuse(call, Refusal(500, "internal server error", detail=detail), deps)


async def _refuse(call: Call, refusal: Refusal, deps: Dependencies) -> None:
    if call.answer is not None:
        call.answer.abandon()
    if call.responder.started:  # it is too late for another status
        call.responder.abort()
        return
    try:
        await egress.refuse(call, refusal, deps)
    except (Disconnected, asyncio.CancelledError):
        _gone(call)


def _gone(call: Call) -> None:
    """The caller left, or we are told to stop: what is left to do is the record."""
    _uncancel()
    who = "the caller was gone" if call.responder.lost else "the gateway stopped"
    call.responder.abort()
    if call.answer is not None and not egress.reads_on(call):
        call.answer.abandon()
    if not egress.has_delivered(call):
        call.response_section.note("egress", f"{who} before the end of the reply")


def _uncancel() -> None:
    """The cancellation has been understood; the task goes on to its own end."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
