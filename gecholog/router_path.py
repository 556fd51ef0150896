"""Paths of routers as people write them. Pure."""

from __future__ import annotations

import re

_MEANT = re.compile(r"/*([A-Za-z0-9._/-]*[A-Za-z0-9._-])/*")


def meant(path: str) -> str:
    """The path of a router that somebody meant who left out a slash of it; empty if none can be told from it."""
    if path.strip() == "/":
        return "/"
    match = _MEANT.fullmatch(path.strip())
    return f"/{match[1]}/" if match else ""
