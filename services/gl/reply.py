"""A reply that is sent whole. The record is kept before the last byte of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.record import recording
from services.gl.responses import pieces_of

if TYPE_CHECKING:
    from services.gl.call import Call, Egress
    from services.gl.dependencies import Dependencies


async def send_whole(call: Call, egress: Egress, length: int | None, deps: Dependencies) -> None:
    """Send a reply whose body is here. `length` is what its head tells of the size of the body, in bytes."""
    body = egress.body or b""
    call.responder.start(egress.status, egress.headers, length)
    if (waiting := deps.records.backpressure.admit_bytes(call, len(call.body) + len(body))) is not None:
        await waiting
    recording.accept(call, deps.records)
    for piece in pieces_of(body):
        if (waiting := call.responder.write(piece)) is not None:
            await waiting
    call.responder.finish()
