"""The dummy's tokenizer: deterministic, without a vocabulary, and the tokens of a text joined are the text.

A token is up to ten letters, digits or `_`, or one other sign, with the white space before it. White space at the end
of a text is a token of its own.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\s*(?:\w{1,10}|[^\w\s])|\s+")


def split(text: str) -> list[str]:
    """The tokens of a text."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens a text has."""
    return len(_TOKEN.findall(text))
