"""A tokenizer without a vocabulary: splits a text into pieces of about the size of a model's tokens.

It splits like the pre-tokenizers of the GPT family (words with the space before them, up to three digits, runs of
punctuation and of white space), and then splits long words by length. Joining the pieces yields the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# In this order: a word with the space before it, digits, punctuation with a space before it, white space. All
# quantifiers are possessive, so the time is in proportion to the text.
_CUT = re.compile(r" ?[^\W\d_]++| ?\d{1,3}+| ?(?:[^\s\w]|_){1,4}+|\n++|[^\S\n]++|[\s\S]")
_ASCII_LETTERS = 8  # per piece: vocabularies know these words best
_LATIN_LETTERS = 4  # with diacritics
_OTHER_LETTERS = 3
_SINGLE_CHARACTERS = (  # scripts without spaces, one character per piece
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x2E80, 0xA4CF),  # CJK, kana, Yi
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_END_OF_LATIN = 0x250


def count(text: str) -> int:
    """Count the pieces of `text`."""
    return sum(1 for _ in pieces(text))


count.name = "pieces"  # type: ignore[attr-defined] # its name in the record


def pieces(text: str) -> Iterator[str]:
    """Yield the pieces of `text` in order."""
    for match in _CUT.finditer(text):
        run = match.group()
        yield from _parts(run) if run[-1].isalpha() else (run,)


def _parts(word: str) -> Iterator[str]:
    """Split a word, with an optional space before it, into pieces of the length for its alphabet."""
    length = _length(word)
    start = 0
    end = length + word.startswith(" ")
    while start < len(word):
        yield word[start:end]
        start, end = end, end + length


def _length(word: str) -> int:
    highest = max(map(ord, word))
    if word.isascii():
        return _ASCII_LETTERS
    if highest < _END_OF_LATIN:
        return _LATIN_LETTERS
    return 1 if any(low <= highest <= high for low, high in _SINGLE_CHARACTERS) else _OTHER_LETTERS
