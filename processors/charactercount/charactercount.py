"""The whole processor."""

from __future__ import annotations

from gecholog.processor import Processor, Request

processor = Processor("charactercount", description="Counts the characters of a request's payload.")


@processor.request
async def count(request: Request) -> dict[str, int] | None:
    """Count the characters of `ingress_payload` as JSON text, without white space between tokens."""
    if "ingress_payload" not in request:
        return None
    return {"character_count": len(request.text)}
