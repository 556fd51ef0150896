"""Attempts: the call to its target, and to the next one as long as a target fails and there is another.

A request processor names the others in `fallback_paths`. An attempt fails if its target cannot be called, or if its
answer has status 408, 429 or 5xx; nothing has gone to the caller by then. The record's request section is made anew
for each attempt, from the fields as processors left them, so that it tells of the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gecholog.timer import span, tick
from services.gl.answers import LocalAnswer
from services.gl.errors import UpstreamError, reply_to
from services.gl.outgoing import plain
from services.gl.routing import Action
from services.gl.stages import outbound
from services.gl.target_failure import failure

if TYPE_CHECKING:
    from gecholog.record import Fields
    from services.gl.call import Call
    from services.gl.doors import Doors
    from services.gl.http import Response

_NOT_NOW = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_SERVER_ERRORS = range(500, 600)
_LONGEST = 64  # characters of a Retry-After: a date has 29


@dataclass(frozen=True, slots=True)
class Failover:
    """Paths that may be tried; the request section before the first attempt: its fields, the number of its errors."""

    paths: tuple[str, ...]
    fields: Fields
    errors: int


def plan(call: Call, _: Doors) -> None:
    """Take note of `fallback_paths`, if a processor wrote any, before the first attempt changes the request section."""
    fields = call.request_section.fields
    if "fallback_paths" in fields and (paths := _paths(call, plain(fields["fallback_paths"]))):
        call.failover = Failover(paths, dict(fields), len(call.request_section.errors))


def _paths(call: Call, written: Any) -> tuple[str, ...]:
    """The paths that have a router; what is wrong with the others, or with all, is noted."""
    if not isinstance(written, list) or not all(isinstance(path, str) for path in written):
        call.request_section.note("fallback_paths", "must be a list of router paths")
        return ()
    routers = {path: call.config.routers.get(path) for path in written}
    if unknown := [path for path, router in routers.items() if router is None]:
        call.request_section.note("fallback_paths", f"left out, for no router has the path: {', '.join(unknown)}")
    if echoes := [path for path, router in routers.items() if router is not None and router.action is Action.ECHO]:
        call.request_section.note("fallback_paths", f"left out, for an echo is no answer: {', '.join(echoes)}")
    return tuple(path for path, router in routers.items() if router is not None and router.action is Action.FORWARD)


async def until_answered(call: Call, failover: Failover, doors: Doors) -> Response:
    """The answer of the first target that does not fail, or else that of the last one."""
    made = call.attempts = []
    call.response_section.opt_in_fields = {"attempts": made}
    answer = await _attempt(call, made, doors)
    while _has_failed(answer) and (path := _next(failover.paths, made)) is not None:
        answer.abandon()
        await _prepare(call, failover, path, doors)
        answer = await _attempt(call, made, doors)
    return answer


async def ask(call: Call, doors: Doors) -> Response:
    """Call the target. One that cannot be called is an answer as well: 502, 503 or 504."""
    try:
        return await doors.upstream.send(call.required_outbound())
    except UpstreamError as error:
        call.fault = error.reason
        told = reply_to(failure(call.required_target_router(), error), call.error_format)
        return LocalAnswer(told.status, told.body)


async def _attempt(call: Call, made: list[Fields], doors: Doors) -> Response:
    """Call the target, and list what came of it, also if the caller leaves meanwhile."""
    start = tick()
    call.fault = ""
    outcome: Fields = {"error": "broken off"}
    try:
        answer = await ask(call, doors)
        outcome = {"error": call.fault} if call.fault else {"status_code": answer.status} | _retry_after(answer)
        return answer
    finally:
        where = {"gl_path": call.required_target_router().path, "url": call.url}
        made.append(where | outcome | {"timer": span(start, tick())})


def _retry_after(answer: Response) -> Fields:
    """When a target that fails wants to be asked again, as it said it: its answer is thrown away, perhaps."""
    if not _has_failed(answer):
        return {}
    values = [value for value in answer.headers.get("Retry-After", ()) if len(value) <= _LONGEST]
    return {"retry_after": values[0]} if values else {}


def _has_failed(answer: Response) -> bool:
    return answer.status in _NOT_NOW or answer.status in _SERVER_ERRORS


def _next(paths: tuple[str, ...], made: list[Fields]) -> str | None:
    """The first path that was not tried yet."""
    tried = {attempt["gl_path"] for attempt in made}
    return next((path for path in paths if path not in tried), None)


async def _prepare(call: Call, failover: Failover, path: str, doors: Doors) -> None:
    """Prepare the call for another router, as if the last attempt had not been."""
    section = call.request_section
    section.fields = failover.fields | {"gl_path": path}
    del section.errors[failover.errors :]
    call.usage_filter = None
    if (waiting := outbound.prepare(call, doors)) is not None:
        await waiting
