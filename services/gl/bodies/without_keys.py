"""Masks client keys in bodies of requests."""

from __future__ import annotations

import asyncio

from gecholog.keys.masking import LONGEST_KEY, has_key, masked_bytes
from services.gl.record import payload

_STEP = 1024 * 1024  # bytes that are searched at a time


async def without_keys(body: bytes) -> bytes:
    """The body with masks in place of client keys. A large one is searched in steps, between which other calls go on.

    A body with a content encoding is not found to have any: it has to be decoded first.
    """
    if len(body) <= payload.AT_ONCE:
        return masked_bytes(body)
    for start in range(0, len(body), _STEP):
        if has_key(body, start, start + _STEP + LONGEST_KEY):
            return masked_bytes(body)
        await asyncio.sleep(0)
    return body
