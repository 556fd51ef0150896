"""Splits a text into words and undoes common disguises. Pure functions."""

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
_MAX_WORD = 40  # characters
_MIN_SPELLED_OUT = 3  # single letters in a row

WordForms = frozenset[str]
"""The possible forms of a word: as written, without disguise, without repeated letters."""


def words(text: str) -> list[WordForms]:
    """Return the words of `text` in order, each with its forms.

    A word that is spelled out (`f o o`) is added after its letters.
    """
    known: dict[str, WordForms] = {}  # most words of a long text occur again
    return list(_with_spelled_out(_once(known, found) for found in _found(text)))


def _once(known: dict[str, WordForms], word: str) -> WordForms:
    forms = known.get(word)
    if forms is None:
        forms = known[word] = _forms(word)
    return forms


def _found(text: str) -> Iterator[str]:
    """Yield the words in lower case, without marks and invisible characters."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    seen = (
        "".join(sign for sign in plain if unicodedata.category(sign) not in {"Mn", "Cf"})
        if not plain.isascii()
        else plain
    )
    for match in _WORD.finditer(seen):
        if word := match.group().strip(_EDGES):
            yield word[:_MAX_WORD]


def _forms(word: str) -> WordForms:
    if word.isalpha() and not _IN_A_ROW.search(word):
        return frozenset({word})
    plain = word.translate(_DISGUISES).replace("*", "").replace("+", "") if not word.isdigit() else word
    return frozenset({word, plain, _IN_A_ROW.sub(r"\1", plain), _IN_A_ROW.sub(r"\1\1", plain)})


def _with_spelled_out(found: Iterator[WordForms]) -> Iterator[WordForms]:
    spelled: list[str] = []
    for forms in found:
        letter = max(forms, key=len)
        if len(letter) == 1:
            spelled.append(letter)
        else:
            yield from _spelled_word(spelled)
            spelled = []
        yield forms
    yield from _spelled_word(spelled)


def _spelled_word(spelled: list[str]) -> Iterator[WordForms]:
    if len(spelled) >= _MIN_SPELLED_OUT:
        yield _forms("".join(spelled)[:_MAX_WORD])
