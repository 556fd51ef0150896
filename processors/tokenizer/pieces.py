"""A tokenizer without a vocabulary: it cuts a text into pieces of about the size that the vocabularies of models have.

It cuts where the tokenizers of the GPT family cut before they look into their vocabulary (words with the space before
them, up to three digits, runs of signs and of white space), and then long words by length. The pieces of a text, put
together, are the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# In this order: a word with the space before it, digits, signs with a space before them, white space. Each takes what
# it can and gives nothing back, so the time is in proportion to the text.
_CUT = re.compile(r" ?[^\W\d_]++| ?\d{1,3}+| ?(?:[^\s\w]|_){1,4}+|\n++|[^\S\n]++|[\s\S]")
_LETTERS_OF_A_PIECE = 8  # of words in plain ASCII letters, which the vocabularies know best
_WITH_MARKS = 4  # of words in Latin letters with marks
_OTHER_ALPHABETS = 3
_EVERY_SIGN = (  # scripts that are written without spaces, a sign a piece
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x2E80, 0xA4CF),  # CJK, kana, Yi
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_END_OF_LATIN = 0x250


def load() -> Callable[[str], int]:
    """Make the counting function."""
    return count


def count(text: str) -> int:
    """The number of pieces of `text`."""
    return sum(1 for _ in pieces(text))


count.name = "pieces"  # type: ignore[attr-defined] # as it stands in the record


def pieces(text: str) -> Iterator[str]:
    """The pieces of `text`, in order."""
    for match in _CUT.finditer(text):
        run = match.group()
        yield from _parts(run) if run[-1].isalpha() else (run,)


def _parts(word: str) -> Iterator[str]:
    """A word (with the space before it, if there is one) in parts of its alphabet's length."""
    length = _length(word)
    start = 0
    end = length + word.startswith(" ")
    while start < len(word):
        yield word[start:end]
        start, end = end, end + length


def _length(word: str) -> int:
    highest = max(map(ord, word))
    if word.isascii():
        return _LETTERS_OF_A_PIECE
    if highest < _END_OF_LATIN:
        return _WITH_MARKS
    return 1 if any(low <= highest <= high for low, high in _EVERY_SIGN) else _OTHER_ALPHABETS
