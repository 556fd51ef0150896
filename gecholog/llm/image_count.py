"""Counts the images in an answer. Pure."""

from __future__ import annotations

from typing import Any

import msgspec


class _Item(msgspec.Struct, gc=False):
    """An image, of which nothing is read."""


class _Answer(msgspec.Struct, gc=False):
    data: list[_Item] | msgspec.UnsetType = msgspec.UNSET
    predictions: list[_Item] | msgspec.UnsetType = msgspec.UNSET
    error: Any = None


_read = msgspec.json.Decoder(_Answer).decode


def count_images(body: bytes) -> int | None:
    """The number of images in an answer of OpenAI's image API or of Imagen; None if it is something else.

    https://platform.openai.com/docs/api-reference/images/object
    """
    try:
        answer = _read(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    listed = answer.predictions if answer.data is msgspec.UNSET else answer.data
    return None if listed is msgspec.UNSET or answer.error is not None else len(listed)
