"""Ends a call before its time: with an error, or because the client is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog import rawjson
from services.gl import cors
from services.gl.call import Egress
from services.gl.errors import reply_to
from services.gl.http import Disconnected
from services.gl.reply import send_whole
from services.gl.responses import JSON

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.errors import ErrorReply, Refusal


async def refuse(call: Call, refusal: Refusal, deps: Dependencies) -> None:
    """Send an error in the client's format, or break off if a part of a reply has gone."""
    if call.response is not None:
        call.response.abandon()
    if call.responder.started:  # it is too late for another status
        call.responder.abort()
        return
    try:
        reply = reply_to(refusal, call.error_format)
        await send_whole(call, _error(call, reply), len(reply.body), deps)
    except (Disconnected, asyncio.CancelledError):
        break_off(call)


def _error(call: Call, reply: ErrorReply) -> Egress:
    """An error as the client gets it, and the record as well."""
    headers = {call.config.session_header: [call.ids.transaction_id]} | reply.headers
    if call.router.cors is not None:
        headers = cors.with_cors_headers(call.router.cors, call.request.headers, headers)
    fields = call.response_section.fields
    fields["egress_status_code"] = reply.status
    fields["egress_headers"] = headers
    fields["egress_payload"] = rawjson.Raw(reply.body)
    call.response_section.note("egress_status_code", reply.text)
    if call.attempt is None:
        call.request_section.fields["outbound_headers"] = {}  # nothing went out
    return Egress(reply.status, {"Content-Type": [JSON]} | headers, reply.body)


def break_off(call: Call) -> None:
    """The client is gone, or the gateway stops: what is left to do is the record."""
    uncancel()
    who = "the caller was gone" if call.responder.lost else "the gateway stopped"
    call.responder.abort()
    if call.response is not None and not still_reads_usage(call):
        call.response.abandon()
    if not _has_delivered(call):
        call.response_section.note("egress", f"{who} before the end of the reply")


def still_reads_usage(call: Call) -> bool:
    """Whether the answer is still wanted although its client left: gl asked for its usage, and nothing else is to come.

    `egress.conclude` reads it then.
    """
    capture = call.capture
    if capture is None or not capture.is_open or not call.responder.lost:
        return False
    if not call.required_attempt().asks_usage or not call.config.usage.linger:
        return False
    return capture.awaits_usage


def _has_delivered(call: Call) -> bool:
    """Whether the client was handed all of a stream, though it left before the target had ended the body."""
    return call.capture is not None and call.capture.is_open and call.capture.has_ended


def uncancel() -> None:
    """The cancellation of this task has been understood; it goes on to its own end."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
