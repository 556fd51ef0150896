"""`/v1/embeddings`: vectors from a hash of the text. Equal texts have equal vectors, but distances mean nothing."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from typing import Any

from services.dummy import fields, reply, text_input, tokens
from services.dummy.fields import JsonBody
from services.dummy.reply import Reply, Spent

_DIMENSIONS = 256
_MOST_DIMENSIONS = 4096


def answer(body: JsonBody) -> Reply:
    """Return the reply to an embeddings request. Raises ApiError."""
    model = fields.text(body, "model")
    listed = text_input.of(body, "input")
    if not all(listed):
        raise fields.wrong("input", "texts that are not empty")
    dimensions = fields.whole(body, "dimensions", most=_MOST_DIMENSIONS) or _DIMENSIONS
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise fields.wrong("encoding_format", "float or base64")
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector(text, dimensions), encoding)}
        for index, text in enumerate(listed)
    ]
    number = sum(map(tokens.count, listed))
    usage = {"prompt_tokens": number, "total_tokens": number}
    value = {"object": "list", "data": data, "model": model, "usage": usage}
    return reply.json_reply(value, Spent(model, number))


def vector(text: str, dimensions: int) -> list[float]:
    """Return a vector of length 1."""
    raw = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(2 * dimensions)
    # Only odd numbers, so that no vector is zero.
    numbers = [2 * number + 1 for number in struct.unpack(f"<{dimensions}h", raw)]
    length = math.hypot(*numbers)
    return [number / length for number in numbers]


def _encoded(numbers: list[float], encoding: str) -> Any:
    """Return numbers as a list, or in OpenAI's binary encoding: base64 of little-endian 32-bit floats."""
    if encoding == "float":
        return numbers
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
