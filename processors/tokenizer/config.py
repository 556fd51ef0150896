"""The config of tokenizer, from environment variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gecholog.plugins import load_plugin

Count = Callable[[str], int]
"""Maps a text to the number of its tokens."""

_PIECES = "processors.tokenizer.pieces:load"


@dataclass(frozen=True, slots=True)
class Config:
    """The tokenizer and its name in the record."""

    name: str
    count: Count


def from_environment(environ: Mapping[str, str]) -> Config:
    """Read TOKENIZER and TOKENIZER_NAME. Raises ConfigError.

    The default name is the attribute `name` of the counting function, or the name of the function itself.
    """
    count = load_plugin("TOKENIZER", environ.get("TOKENIZER") or _PIECES)
    own = getattr(count, "name", None) or getattr(count, "__name__", None) or type(count).__name__
    return Config(environ.get("TOKENIZER_NAME") or str(own), count)
