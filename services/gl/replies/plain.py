"""Sends a whole response that belongs to no call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.http import Disconnected

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.http import Responder


async def respond(responder: Responder, status: int, fields: Headers, body: bytes = b"") -> None:
    """Send a response. A client that disconnects meanwhile is no error."""
    try:
        responder.start(status, fields, len(body))
        if (waiting := responder.write(body)) is not None:
            await waiting
        responder.finish()
    except Disconnected:
        responder.abort()
