"""`/v1/audio/…`: speech is silence, as long as the text; a transcript says how many bytes the recording has."""

from __future__ import annotations

import struct

from gecholog.llm.form import model_in_form
from services.dummy import fields, reply, tokens
from services.dummy.api_error import ApiError
from services.dummy.fields import JsonBody
from services.dummy.reply import BinaryReply, Reply

_RATE = 8000  # samples in a second, of one byte
_PER_TOKEN = _RATE // 4
_MOST_TOKENS = 400  # 100 seconds


def speech(body: JsonBody) -> Reply:
    """The speech for a text, as WAV. Raises ApiError."""
    fields.text(body, "model")
    samples = b"\x80" * _PER_TOKEN * min(tokens.count(fields.text(body, "input")), _MOST_TOKENS)
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, _RATE, 1, 8)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return BinaryReply(
        struct.pack("<4sI4s", b"RIFF", 4 + len(layout) + len(data), b"WAVE") + layout + data, "audio/wav"
    )


def transcript(form: bytes, content_type: str) -> Reply:
    """What was said in an upload. Raises ApiError."""
    model = model_in_form(form, content_type)
    if model is None:
        raise ApiError("The body of the request must be a form (multipart/form-data).")
    if not model:
        raise ApiError("You must provide the parameter 'model'.", param="model", code="missing_required_parameter")
    text = f"A recording, in a form of {len(form)} bytes."
    used = {"type": "tokens", **_usage(tokens.count(text))}
    return reply.json_reply({"text": text, "usage": used})


def _usage(written: int) -> dict[str, int]:
    return {"input_tokens": 0, "output_tokens": written, "total_tokens": written}
