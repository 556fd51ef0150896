"""Where the bytes of images come from that requests name by their URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gecholog.llm.chat_dialect import FetchedImage
    from services.gl.images.rule import ImageRule


class ImageSource(Protocol):
    """Gets images for requests."""

    async def fetch(self, urls: Iterable[str], rule: ImageRule) -> dict[str, FetchedImage]:
        """The images of `urls`, by URL, as `rule` allows. Raises Refusal (400) if one of them cannot be had.

        If the rule is off, nothing is fetched or raised: the caller tells the client if it needs the images.
        """


class NoImages:
    """Fetches nothing, whatever the rule."""

    async def fetch(self, urls: Iterable[str], rule: ImageRule) -> dict[str, FetchedImage]:
        del urls, rule
        return {}
