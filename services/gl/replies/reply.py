"""Sends a reply whose body is complete. The record is stored in the journal before the last byte is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.record import recording
from services.gl.responses.response import pieces_of
from services.gl.usage.settlement import settle

if TYPE_CHECKING:
    from services.gl.call import Call, Egress
    from services.gl.dependencies import Dependencies


async def send_whole(call: Call, egress: Egress, length: int | None, deps: Dependencies) -> None:
    """Send a reply whose body is complete. `length` is the Content-Length in its head."""
    body = egress.body or b""
    call.responder.start(egress.status, egress.headers, length)
    if (waiting := deps.records.backpressure.admit_bytes(call, len(call.body) + len(body))) is not None:
        await waiting
    *others, last = pieces_of(body)
    for piece in others:
        if (waiting := call.responder.write(piece)) is not None:
            await waiting
    settle(call, deps)
    recording.accept(call, deps.records)
    if (waiting := call.responder.write(last)) is not None:
        await waiting
    call.responder.finish()
