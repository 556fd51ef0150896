"""What tokenizer is told by its environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gecholog.plugins import load_plugin

Count = Callable[[str], int]
"""Text → the number of its tokens."""

_PIECES = "processors.tokenizer.pieces:load"


@dataclass(frozen=True, slots=True)
class Config:
    """The tokenizer, and the name by which it stands in the record."""

    name: str
    count: Count


def from_environment(environ: Mapping[str, str]) -> Config:
    """The config that TOKENIZER and TOKENIZER_NAME make. Raises ConfigError.

    Without a name it is that of the counting function: its attribute `name`, else the one that it was defined by.
    """
    count = load_plugin("TOKENIZER", environ.get("TOKENIZER") or _PIECES)
    own = getattr(count, "name", None) or getattr(count, "__name__", None) or type(count).__name__
    return Config(environ.get("TOKENIZER_NAME") or str(own), count)
