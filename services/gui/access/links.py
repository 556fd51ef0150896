"""Addresses inside the web interface. Pure.

All links and redirects are relative to the current page, so that a proxy may serve the interface below a prefix which
it removes.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_LOCAL = re.compile(r"/(?![/\\])[!-~]*")


def relative(current: str, target: str) -> str:
    """The reference from the page with the path `current` to `target`, a path that begins with a slash."""
    depth = current.count("/") - 1
    return ("../" * depth if depth > 0 else "./") + target[1:]


def is_local(text: str) -> bool:
    """Tell whether a text is a path of this interface, with an optional query, which browsers cannot misread."""
    if not _LOCAL.fullmatch(text) or "\\" in text or ".." in text.split("?", maxsplit=1)[0].split("/"):
        return False
    parts = urlsplit(text)
    return not (parts.scheme or parts.netloc)


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")
