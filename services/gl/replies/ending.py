"""Ends a call early: with an error, or because the client has disconnected."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog import rawjson
from services.gl.call import Egress
from services.gl.errors import reply_to
from services.gl.http import Disconnected
from services.gl.replies.reply import send_whole
from services.gl.responses.response import JSON
from services.gl.routing import cors

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.errors import ErrorReply, Refusal


async def refuse(call: Call, refusal: Refusal, deps: Dependencies) -> None:
    """Send an error in the client's format, or close the connection if a part of a reply has been sent."""
    if call.response is not None:
        call.response.abandon()
    if call.responder.started:  # too late for another status
        call.responder.abort()
        return
    try:
        reply = reply_to(refusal, call.error_format)
        await send_whole(call, _error(call, refusal, reply, deps), len(reply.body), deps)
    except (Disconnected, asyncio.CancelledError):
        break_off(call)


def _error(call: Call, refusal: Refusal, reply: ErrorReply, deps: Dependencies) -> Egress:
    """Make the reply for an error, and put it into the record."""
    headers = {call.config.session_header: [call.ids.transaction_id]} | deps.quotas.headers(call.limits)
    headers |= reply.headers
    if call.router.cors is not None:
        headers = cors.with_cors_headers(call.router.cors, call.request.headers, headers)
    fields = call.response_section.fields
    fields["egress_status_code"] = reply.status
    fields["egress_headers"] = headers
    fields["egress_payload"] = rawjson.Raw(reply.body)
    call.response_section.note("egress_status_code", _recorded_text(call, refusal, reply))
    if call.attempt is None:
        call.request_section.fields["outbound_headers"] = {}  # nothing was sent
    return Egress(reply.status, {"Content-Type": [JSON]} | headers, reply.body)


def _recorded_text(call: Call, refusal: Refusal, reply: ErrorReply) -> str:
    """The text of an error for the record. Errors about a field of the request may quote its value."""
    is_about_field = refusal.detail is not None and refusal.detail.param is not None
    return call.recorded_message(reply.text) if is_about_field else reply.text


def break_off(call: Call) -> None:
    """End a call whose client has disconnected, or that is cancelled because the gateway stops. Only records it."""
    uncancel()
    who = "the client disconnected" if call.responder.lost else "the gateway stopped"
    call.responder.abort()
    if call.response is not None and not still_reads_usage(call):
        call.response.abandon()
    if not _has_delivered(call):
        call.response_section.note("egress", f"{who} before the end of the reply")


def still_reads_usage(call: Call) -> bool:
    """Whether the client has disconnected when only the usage was missing of a stream.

    `egress.conclude` reads the rest then, if gl itself requested the usage or charges the client for it.
    """
    capture = call.capture
    if capture is None or not capture.is_open or not call.responder.lost:
        return False
    if not (call.required_attempt().asks_usage or call.is_charged) or not call.config.usage.linger:
        return False
    return capture.awaits_usage


def _has_delivered(call: Call) -> bool:
    """Whether the client disconnected after the end mark of a stream, before the end of its body."""
    return call.capture is not None and call.capture.is_open and call.capture.has_ended


def uncancel() -> None:
    """Clear the cancellation of this task, which continues to its normal end."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
