"""Data URLs (RFC 2397). Pure."""

from __future__ import annotations

import re

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*?;base64,", re.IGNORECASE)


def split_data_url(url: str) -> tuple[str, str]:
    """Split a data URL into its media type and base64 data. Both are empty if `url` is not a data URL in base64."""
    found = _DATA_URL.match(url, 0, 256)
    return ("", "") if found is None else (found[1].lower() or "text/plain", url[found.end() :])


def data_url(media_type: str, data: str) -> str:
    """The URL of data in base64."""
    return f"data:{media_type};base64,{data}"
