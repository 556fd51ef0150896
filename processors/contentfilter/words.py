"""The words of a text as a word list knows them, however they were disguised. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"[\w@$!|*+]+")
_EDGES = "!|*+_"
_DISGUISES = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i", "|": "i"}
)
_IN_A_ROW = re.compile(r"(.)\1{2,}")
_LONGEST = 40  # characters; what is longer is no word
_SPELLED_OUT = 3  # letters, one after the other

Forms = frozenset[str]
"""What one word may be: as it stands, without its disguise, without repeated letters."""


def words(text: str) -> list[Forms]:
    """The words of `text`, in order, each with its forms. A word that is spelled out (`f o o`) is one more at the end
    of its letters.
    """
    known: dict[str, Forms] = {}  # of a long text most words come again
    return list(_with_spelled_out(_once(known, found) for found in _found(text)))


def _once(known: dict[str, Forms], word: str) -> Forms:
    forms = known.get(word)
    if forms is None:
        forms = known[word] = _forms(word)
    return forms


def _found(text: str) -> Iterator[str]:
    """The words as they stand, without marks, invisible signs and the difference of letter cases."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    seen = (
        "".join(sign for sign in plain if unicodedata.category(sign) not in {"Mn", "Cf"})
        if not plain.isascii()
        else plain
    )
    for match in _WORD.finditer(seen):
        if word := match.group().strip(_EDGES):
            yield word[:_LONGEST]


def _forms(word: str) -> Forms:
    if word.isalpha() and not _IN_A_ROW.search(word):
        return frozenset({word})
    plain = word.translate(_DISGUISES).replace("*", "").replace("+", "") if not word.isdigit() else word
    return frozenset({word, plain, _IN_A_ROW.sub(r"\1", plain), _IN_A_ROW.sub(r"\1\1", plain)})


def _with_spelled_out(found: Iterator[Forms]) -> Iterator[Forms]:
    letters: list[str] = []
    for forms in found:
        letter = max(forms, key=len)
        if len(letter) == 1:
            letters.append(letter)
        else:
            yield from _joined(letters)
            letters = []
        yield forms
    yield from _joined(letters)


def _joined(letters: list[str]) -> Iterator[Forms]:
    if len(letters) >= _SPELLED_OUT:
        yield _forms("".join(letters)[:_LONGEST])
