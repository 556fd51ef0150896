"""What counts as an image."""

import pytest

from services.gl.images.media import check, declared_type
from services.gl.images.refused import ImageRefused

PNG = b"\x89PNG\r\n\x1a\n...."
JPEG = b"\xff\xd8\xff\xe0...."
WEBP = b"RIFF....WEBPVP8 "


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("image/png", "image/png"),
        (" Image/PNG ; charset=binary", "image/png"),
        ("image/jpg", "image/jpeg"),
        ("image/avif", "image/avif"),
    ],
)
def test_types(header, expected):
    assert declared_type(header) == expected


@pytest.mark.parametrize(
    "header", ["", "text/html", "image", "image/", "application/octet-stream", "*/*", "imagex/png"]
)
def test_no_images(header):
    """Other types are no images, nor is nothing."""
    with pytest.raises(ImageRefused, match="not an image"):
        declared_type(header)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/png", PNG),
        ("image/jpeg", JPEG),
        ("image/gif", b"GIF87a"),
        ("image/gif", b"GIF89a"),
        ("image/webp", WEBP),
        ("image/avif", b"\0\0\0\x20ftypavif"),
    ],
)
def test_data(media_type, data):
    check(media_type, data)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/png", JPEG),
        ("image/png", b""),
        ("image/png", b"<html>"),
        ("image/jpeg", PNG),
        ("image/webp", b"RIFF....WAVE"),
        ("image/avif", PNG),
    ],
)
def test_data_of_another_type(media_type, data):
    """The data have to be what their server says."""
    with pytest.raises(ImageRefused, match=media_type):
        check(media_type, data)
