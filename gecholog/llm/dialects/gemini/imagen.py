"""Images of Google's Imagen models: predict (https://ai.google.dev/gemini-api/docs/imagen)."""

from __future__ import annotations

import re

from gecholog.llm.chat import Image
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.dialects.gemini.parts import word
from gecholog.llm.errors import InvalidResponseError, UnsupportedParameterError
from gecholog.llm.images import Images, ImagesRequest

_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")
_RATIOS = {"1:1": 1.0, "3:4": 3 / 4, "4:3": 4 / 3, "9:16": 9 / 16, "16:9": 16 / 9}
_TYPES = frozenset({"image/png", "image/jpeg"})


def write_request(request: ImagesRequest, target: Target) -> WrittenRequest:
    """The body of a request for the model `target.model`, which is in its path. Raises UnsupportedParameterError."""
    del target
    parameters: Json = {"sampleCount": request.n}
    if request.size:
        parameters["aspectRatio"] = _ratio(request.size)
    if request.media_type:
        if request.media_type not in _TYPES:
            raise UnsupportedParameterError("output_format", "output_format must be png or jpeg for Imagen")
        parameters["outputOptions"] = {"mimeType": request.media_type}
    return WrittenRequest({"instances": [{"prompt": request.prompt}], "parameters": parameters}, tuple(request.hints))


def _ratio(size: str) -> str:
    """The ratio that is nearest to that of a size."""
    found = _SIZE.fullmatch(size)
    if found is None:
        raise UnsupportedParameterError("size", "size must be WIDTHxHEIGHT in pixels")
    wanted = int(found[1]) / int(found[2])
    return min(_RATIOS, key=lambda name: abs(_RATIOS[name] - wanted))


def read_response(answer: Json) -> Images:
    """The images in an answer; none if they were held back. Raises InvalidResponseError."""
    found = answer.get("predictions", [])
    if not isinstance(found, list):
        raise InvalidResponseError("the answer has no predictions")
    made = [entry for entry in found if isinstance(entry, dict) and word(entry, "bytesBase64Encoded")]
    return Images(tuple(Image(word(one, "bytesBase64Encoded"), word(one, "mimeType") or "image/png") for one in made))
