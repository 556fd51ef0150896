"""Embeddings as OpenAI's clients ask for them (https://platform.openai.com/docs/api-reference/embeddings)."""

from __future__ import annotations

import base64
import struct
from typing import Any

from gecholog.llm.checked import Json, a_text, optional_int, optional_text, refuse, text
from gecholog.llm.embeddings import Embeddings, EmbeddingsRequest
from gecholog.llm.errors import UnsupportedParameterError

_READ = frozenset({"model", "input", "dimensions", "encoding_format"})


def read_request(body: Json) -> EmbeddingsRequest:
    """The request in its neutral form. Raises InvalidRequestError, UnsupportedParameterError for token numbers."""
    encoding = optional_text(body, "encoding_format") or "float"
    if encoding not in ("float", "base64"):
        refuse("encoding_format", "must be float or base64")
    hints = {name: value for name, value in body.items() if name not in _READ and value is not None}
    dimensions = optional_int(body, "dimensions")
    return EmbeddingsRequest(
        text(body, "model", ""), _texts(body.get("input")), dimensions, encoding == "base64", hints
    )


def _texts(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, list) or not given:
        refuse("input", "must be a string or an array of strings")
    if all(isinstance(item, int | list) for item in given):
        message = "input: tokens by their numbers are not supported, for each model has its own: send texts"
        raise UnsupportedParameterError("input", message)
    return tuple(a_text(item, f"input[{index}]") for index, item in enumerate(given))


def write_response(answer: Embeddings, request: EmbeddingsRequest) -> Json:
    """The body of an answer."""
    prompt = (answer.usage.prompt_tokens if answer.usage else None) or 0
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if request.is_base64 else vector}
        for index, vector in enumerate(answer.vectors)
    ]
    usage = {"prompt_tokens": prompt, "total_tokens": prompt}
    return {"object": "list", "data": data, "model": answer.model or request.model, "usage": usage}


def _base64(vector: list[float]) -> str:
    """Numbers as little-endian float32; one that is too large for that is infinite."""
    try:
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except OverflowError:
        packed = b"".join(_float32(number) for number in vector)
    return base64.b64encode(packed).decode()


def _float32(number: float) -> bytes:
    try:
        return struct.pack("<f", number)
    except OverflowError:
        return struct.pack("<f", float("inf") if number > 0 else float("-inf"))
