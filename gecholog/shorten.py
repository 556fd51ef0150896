"""Shortens text for messages. Pure."""

from __future__ import annotations


def shorten(text: str, longest: int) -> str:
    """`text`, cut off after `longest` characters, with an ellipsis if something is missing."""
    return text if len(text) <= longest else f"{text[:longest]}…"
