"""Paths of routers, as people write them and as parts of keys on the bus. Pure."""

from __future__ import annotations

import re

_MEANT = re.compile(r"/*([A-Za-z0-9._/-]*[A-Za-z0-9._-])/*")


def key_part(path: str) -> str:
    """The path of a router as one part of a key in a key-value bucket, where dots separate parts.

    Dots become `=`, which such keys may contain and paths of routers may not.
    """
    return path.replace(".", "=")


def of_key_part(part: str) -> str:
    """The path from which `key_part` made `part`."""
    return part.replace("=", ".")


def meant(path: str) -> str:
    """The path of a router that was written without one of its slashes; empty if it cannot be guessed."""
    if path.strip() == "/":
        return "/"
    match = _MEANT.fullmatch(path.strip())
    return f"/{match[1]}/" if match else ""
