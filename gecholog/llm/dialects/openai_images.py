"""Images as OpenAI's clients ask for them (https://platform.openai.com/docs/api-reference/images/create)."""

from __future__ import annotations

from gecholog.llm.checked import Json, optional_bool, optional_int, optional_text, text
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.images import Images, ImagesRequest

_READ = frozenset({"model", "prompt", "n", "size", "output_format", "response_format", "stream", "partial_images"})


def read_request(body: Json) -> ImagesRequest:
    """The request in its neutral form. Raises InvalidRequestError, UnsupportedParameterError."""
    if optional_bool(body, "stream"):
        raise UnsupportedParameterError("stream", "stream: the provider sends images only whole")
    if optional_text(body, "response_format") == "url":
        raise UnsupportedParameterError("response_format", "response_format url: the provider sends bytes (b64_json)")
    size, form = optional_text(body, "size") or "", optional_text(body, "output_format") or ""
    return ImagesRequest(
        model=text(body, "model", ""),
        prompt=text(body, "prompt", ""),
        n=optional_int(body, "n") or 1,
        size="" if size == "auto" else size,
        media_type=f"image/{form}" if form else "",
        hints={name: value for name, value in body.items() if name not in _READ and value is not None},
    )


def write_response(answer: Images, created: int) -> Json:
    """The body of an answer. `created` is in seconds since 1970."""
    return {"created": created, "data": [{"b64_json": image.data} for image in answer.images]}
