"""`/v1/images/generations`: a square of one colour, which is made from a hash of the prompt."""

from __future__ import annotations

import base64
import hashlib
import struct
import time
import zlib
from typing import Any

from services.dummy import fields, reply, tokens
from services.dummy.fields import JsonBody
from services.dummy.reply import Reply, Spent

_MOST = 10  # images in one request, as many as OpenAI makes
_SIDE = 8  # pixels: an image is there to be looked at once, not to fill a log


def answer(body: JsonBody) -> Reply:
    """The images that a request asks for. Raises ApiError."""
    prompt = fields.text(body, "prompt")
    number = fields.whole(body, "n", most=_MOST) or 1
    form = body.get("response_format") or "url"
    if form not in {"url", "b64_json"}:
        raise fields.wrong("response_format", "url or b64_json")
    data = base64.b64encode(png(prompt)).decode()
    image: dict[str, Any] = {"b64_json": data} if form == "b64_json" else {"url": f"data:image/png;base64,{data}"}
    used = tokens.count(prompt)
    usage = {"input_tokens": used, "output_tokens": number, "total_tokens": used + number}
    details = {"input_tokens_details": {"text_tokens": used, "image_tokens": 0}}
    value = {"created": int(time.time()), "data": [image] * number, "usage": usage | details}
    return reply.json_reply(value, Spent(str(body.get("model", "")), used, number))


def png(prompt: str) -> bytes:
    """A square in the colour of a prompt (RFC 2083)."""
    colour = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()[:3]
    rows = (b"\0" + colour * _SIDE) * _SIDE
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
