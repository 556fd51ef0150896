"""Text from outside, made safe to write to a terminal. Pure."""

from __future__ import annotations

from typing import Any


def printable(text: Any) -> str:
    """`text` with its control characters escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text))
