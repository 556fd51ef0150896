"""Counts the tokens of a text with what is installed: OpenAI's vocabulary o200k, or pieces of about the same size.

The vocabulary is part of the package toktok-rs (the extra `estimate`); nothing is downloaded. Models of other vendors
have vocabularies of their own, so for them both are estimates.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from gecholog.llm import pieces

Counter = Callable[[Sequence[str]], int]
"""Takes texts and returns the number of their tokens together."""

_ENCODING = "o200k_base"


@cache
def counter() -> Counter:
    """The best counter that is installed. Loading a vocabulary takes some milliseconds."""
    try:
        toktok: Any = importlib.import_module("toktok")
    except ModuleNotFoundError:
        return count_pieces

    def count(texts: Sequence[str]) -> int:
        # lone surrogates are refused
        written = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return sum(toktok.batch_count(written, _ENCODING, 1))

    return count


def count_pieces(texts: Sequence[str]) -> int:
    """The number of pieces in texts."""
    return sum(map(pieces.count, texts))
