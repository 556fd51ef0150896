"""Images for APIs that take bytes only. Pure."""

from __future__ import annotations

from gecholog.llm.chat import ChatRequest, Image, Part, ToolResult
from gecholog.llm.chat_dialect import FetchedImage, Target
from gecholog.llm.errors import UnsupportedParameterError

IMAGE_URL = "image_url"
"""The parameter of the error for an image of which there is only a URL."""


def inline_image(image: Image, target: Target) -> FetchedImage:
    """The bytes of an image, which were fetched if it came as a URL. Raises UnsupportedParameterError."""
    if image.data:
        return FetchedImage(image.data, image.media_type or "image/png")
    if image.url in target.images:
        return target.images[image.url]
    if image.url:
        message = (
            "image_url: the provider takes no URLs of images. Send the image as a data URL, or let the gateway fetch "
            "it (option fetch_images)"
        )
        raise UnsupportedParameterError(IMAGE_URL, message)
    raise UnsupportedParameterError("file_id", "an image by file_id is not supported: send its bytes")


def image_urls(request: ChatRequest) -> tuple[str, ...]:
    """The URLs of all images of a request, each once."""
    parts: list[Part] = [part for message in request.messages for part in message.parts]
    parts += [inner for part in parts if isinstance(part, ToolResult) for inner in part.parts]
    return tuple(dict.fromkeys(part.url for part in parts if isinstance(part, Image) and part.url))
