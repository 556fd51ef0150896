"""Media types."""

import pytest

from gecholog.media_type import media_type


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", "application/json"),
        ("Text/Event-Stream; charset=utf-8", "text/event-stream"),
        (" text/plain ;charset=utf-8; x=y", "text/plain"),
        ("", ""),
        (";", ""),
    ],
)
def test_media_type(content_type, expected):
    """Parameters, case and white space do not count."""
    assert media_type(content_type) == expected
