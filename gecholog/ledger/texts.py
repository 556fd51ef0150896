"""Texts as the ledger has them: without what SQL databases refuse. Pure."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")  # PostgreSQL takes no NUL, and lone surrogates are no UTF-8


def storable(text: str) -> str:
    """A text with a replacement character for each NUL and each lone surrogate.

    Also for texts that are looked for: they would not only find nothing, but make the database fail.
    """
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
