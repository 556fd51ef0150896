"""Tokenizers of models, from libraries that the extra `tokenizer` installs. Each function loads one.

TOKENIZER=processors.tokenizer.vocabularies:tiktoken      TIKTOKEN_ENCODING=o200k_base
TOKENIZER=processors.tokenizer.vocabularies:huggingface   TOKENIZER_FILE=/models/tokenizer.json
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog.plugins import environment_error, import_extra

_ENCODING = "o200k_base"
_EXTRA = "tokenizer"


@dataclass(frozen=True, slots=True)
class Counter:
    """A named counting function: the length of the result of `encode`."""

    name: str
    encode: Callable[[str], Any]

    def __call__(self, text: str) -> int:
        return len(self.encode(text))


def tiktoken() -> Counter:
    """Load the encoding in TIKTOKEN_ENCODING. Raises ConfigError.

    The library downloads the vocabulary unless it is in TIKTOKEN_CACHE_DIR.
    """
    name = os.environ.get("TIKTOKEN_ENCODING") or _ENCODING
    try:
        encoding = import_extra("tiktoken", _EXTRA).get_encoding(name)
    except (ValueError, OSError) as error:  # unknown name, or failed download
        raise environment_error(
            "TIKTOKEN_ENCODING", f"must name an encoding that can be loaded ({type(error).__name__})"
        ) from error
    return Counter(name, encoding.encode_ordinary)


def huggingface() -> Counter:
    """Load TOKENIZER_FILE, the `tokenizer.json` of a model. Nothing is downloaded. Raises ConfigError."""
    file = Path(os.environ.get("TOKENIZER_FILE") or "")
    if not file.is_file():
        raise environment_error("TOKENIZER_FILE", "must be the tokenizer.json of a model")
    try:
        loaded = import_extra("tokenizers", _EXTRA).Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain Exception
        if isinstance(error, ImportError):
            raise
        raise environment_error("TOKENIZER_FILE", "must be a file that the library can read") from error
    loaded.no_truncation()
    loaded.no_padding()
    return Counter(file.parent.name or file.stem, lambda text: loaded.encode(text, add_special_tokens=False).ids)
