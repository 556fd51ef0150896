"""Paths of routers: as people write them, and as parts of keys on the bus. Pure."""

from __future__ import annotations

import re

_MEANT = re.compile(r"/*([A-Za-z0-9._/-]*[A-Za-z0-9._-])/*")


def key_part(path: str) -> str:
    """The path of a router as one part of a key of a key-value bucket, where dots divide parts.

    `=` may be in such keys and is in no router's path. Paths without a dot stay as they are.
    """
    return path.replace(".", "=")


def of_key_part(part: str) -> str:
    """The path that `key_part` made this part of."""
    return part.replace("=", ".")


def meant(path: str) -> str:
    """The path of a router that somebody meant who left out a slash of it; empty if none can be told from it."""
    if path.strip() == "/":
        return "/"
    match = _MEANT.fullmatch(path.strip())
    return f"/{match[1]}/" if match else ""
