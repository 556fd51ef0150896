"""The dummy's tokenizer: deterministic, without a vocabulary, and the tokens of a text joined are the text.

A token is up to ten letters, digits or `_`, or one other sign, with the white space before it. White space at the end
of a text is a token of its own.
"""

from __future__ import annotations

import re
from functools import lru_cache

SHORT = 4096  # characters; texts up to this length are remembered, for a load test sends the same again and again

_TOKEN = re.compile(r"\s*(?:\w{1,10}|[^\w\s])|\s+")


def split(text: str) -> list[str]:
    """The tokens of a text."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens a text has."""
    return _known(text) if len(text) <= SHORT else _counted(text)


def _counted(text: str) -> int:
    return len(_TOKEN.findall(text))


_known = lru_cache(maxsize=256)(_counted)
