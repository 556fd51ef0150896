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
from services.gl.stage_conditions import (
    always,
    has_client_keys,
    has_request_processors,
    may_have_later_processors,
    may_have_limits,
    may_have_response_processors,
    may_name_model,
)
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
    from services.gl.config import Config
    from services.gl.dependencies import Dependencies
    from services.gl.routing.routers import Router
    from services.gl.stage_conditions import Condition

log = Log("pipeline")

Stage = Callable[["Call", "Dependencies"], Awaitable[None] | None]


class Step(NamedTuple):
    """A stage, and when it runs.

    It runs only for routers for whose calls it may be `needed`. After the reply, `for_unrecorded` means that it also
    runs for calls that leave no record, `when_stopping` that it runs even if the gateway is stopping.
    """

    stage: Stage
    needed: Condition = always
    for_unrecorded: bool = False
    when_stopping: bool = True


BEFORE_REPLY: tuple[Step, ...] = (
    Step(ingress.read_head),  # check the headers that the router requires
    Step(access.authenticate, has_client_keys),  # the client's key, from memory
    Step(quota.admit, may_have_limits),  # requests per minute and day, concurrency
    Step(ingress.read_body),  # within the byte budget of all bodies
    Step(processors.before_call, has_request_processors),  # request processors, row by row
    Step(models.resolve_model, may_name_model),  # on routers of models: model name → models of providers
    Step(access.restrict, has_client_keys),  # what the key lets the request ask for
    Step(quota.reserve, may_have_limits),  # tokens and money that the call may use
    Step(attempts.plan),  # list the candidates: the target, then those for failover
    Step(attempts.run),  # send the request, with retries and failover; or respond without an upstream
    Step(inbound.receive),  # status and headers; also the body, if response processors need it
    Step(egress.offer),  # show the reply to response processors
    Step(processors.before_reply, may_have_response_processors),  # response processors, row by row
    Step(egress.prepare),  # set status, headers and body of the reply
    Step(egress.reply),  # send it piece by piece
)

AFTER_REPLY: tuple[Step, ...] = (
    Step(egress.conclude),  # record a response that broke off
    Step(quota.settle, may_have_limits, for_unrecorded=True),  # what the call has used
    Step(processors.after_reply, may_have_later_processors, when_stopping=False),  # asynchronous processors
    Step(publication.publish),  # complete the record and publish it
    Step(metrics.observe, for_unrecorded=True),  # count it for Prometheus
)


class Plan(NamedTuple):
    """What happens to the calls of one router: the stages before the reply, and the steps after it."""

    before: tuple[Stage, ...]
    after: tuple[Step, ...]


def plan_for(config: Config, router: Router) -> Plan:
    """The plan for a router: the steps that its calls may need."""
    before, after = (
        tuple(step for step in steps if step.needed(config, router)) for steps in (BEFORE_REPLY, AFTER_REPLY)
    )
    return Plan(tuple(step.stage for step in before), after)


async def run(call: Call, deps: Dependencies, plan: Plan | None = None) -> None:
    """Run all stages for a call. `plan` is that of its router."""
    before, after = plan or plan_for(call.config, call.router)
    token = logs.transaction.set(call.ids.transaction_id)
    try:
        await _before_reply(before, call, deps)
        call.mark_replied()
        await take(after, call, deps)
    finally:
        logs.transaction.reset(token)


async def _before_reply(stages: tuple[Stage, ...], call: Call, deps: Dependencies) -> None:
    """Run the stages up to the reply. If one fails, the client gets an error, or its connection is closed."""
    try:
        if (waiting := deps.records.backpressure.admit_bytes(call)) is not None:
            await waiting
        for stage in stages:
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
