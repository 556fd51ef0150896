"""The tokenizer of the dummy: deterministic, without a vocabulary. Joining the tokens of a text yields the text.

A token is up to ten letters, digits or `_`, or one other character, with the white space before it. White space at the
end of a text is a token of its own.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_CACHED = 4096  # characters; shorter texts are cached, because a load test repeats them

_TOKEN = re.compile(r"\s*(?:\w{1,10}|[^\w\s])|\s+")


def split(text: str) -> list[str]:
    """Split a text into tokens."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """Count the tokens of a text."""
    return _cached_count(text) if len(text) <= MAX_CACHED else _count(text)


def _count(text: str) -> int:
    return len(_TOKEN.findall(text))


_cached_count = lru_cache(maxsize=256)(_count)
