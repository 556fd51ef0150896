"""What counts as an image: its type, as the server says it and as its first bytes tell. Pure."""

from __future__ import annotations

from services.gl.images.refused import ImageRefused

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_KNOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}


def declared_type(content_type: str) -> str:
    """The media type of a Content-Type header. Raises ImageRefused unless it is that of an image."""
    essence = content_type.partition(";")[0].strip().lower()
    kind, slash, subtype = essence.partition("/")
    if kind != "image" or not slash or not subtype:
        raise ImageRefused("what its URL leads to is not an image (Content-Type)")
    return _ALIASES.get(essence, essence)


def check(media_type: str, data: bytes) -> None:
    """Refuse data that are not of the declared Content-Type. Raises ImageRefused.

    Types without a known magic number are taken on trust, unless the data begin as another type does.
    """
    found = _found_type(data)
    if (media_type in _KNOWN or found) and found != media_type:
        raise ImageRefused(f"its data are not {media_type}, the type that its server says")


def _found_type(data: bytes) -> str:
    for beginning, media_type in _BEGINNINGS:
        if data.startswith(beginning):
            return media_type
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""
