"""The path of a request in the one form by which its endpoint is told. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

_SLASHES = re.compile("//+")
_PARAMETERS = re.compile(";[^/]*")  # of a segment, which some servers drop


def plain_path(path: str) -> str:
    """A percent-encoded path as lenient servers read it: decoded, in lower case, without empty segments.

    Azure, for example, compares paths without case, so what is decided by a path must not depend on how it is written.
    """
    if "%" in path:
        path = unquote(path)
    if ";" in path:
        path = _PARAMETERS.sub("", path)
    if "//" in path:
        path = _SLASHES.sub("/", path)
    return path.rstrip("/ ").lower()
