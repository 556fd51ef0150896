"""The neutral form of a request for images, and of its answer. Pure values."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gecholog.llm.chat import Image


class ImagesRequest(Struct, frozen=True):
    """Images that are to be made. `size` is `WIDTHxHEIGHT` in pixels, empty: as the model likes.

    `media_type` is what they are to be, empty: as the model likes. `hints` are fields that may be left out.
    """

    model: str
    prompt: str
    n: int = 1
    size: str = ""
    media_type: str = ""
    hints: dict[str, Any] = {}


class Images(Struct, frozen=True):
    """The images, with their bytes. Empty if the filter of the provider blocked all of them."""

    images: tuple[Image, ...]
