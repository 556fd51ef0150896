"""A classifier without a model: a list of English words and phrases with scores by label.

It finds explicit words, also in common disguises. It does not find implied meaning, and it does not distinguish between
quoting a word and using it.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog import regular_file
from gecholog.plugins import environment_error
from processors.contentfilter.words import WordForms, words

TOXICITY = "toxicity"

_FILE = Path(__file__).with_name("lexicon.json")
_INSULT = "insult"
_YOU = frozenset({"you", "youre", "u", "ur", "ya"})
_REACH = 3  # words after `you` in which a mild insult is directed at it
_DIRECTED = 0.75  # the minimum score of a directed insult
_CERTAIN = 0.99


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase of the list. A word that ends in `*` matches all words with this prefix."""

    label: str
    score: float
    words: tuple[str, ...]

    def matches_at(self, text: list[WordForms], position: int) -> bool:
        there = text[position : position + len(self.words)]
        return len(there) == len(self.words) and all(map(_is, self.words, there))


def _is(word: str, forms: WordForms) -> bool:
    if not word.endswith("*"):
        return word in forms
    return any(form.startswith(word[:-1]) for form in forms)


class Lexicon:
    """A word list that is indexed for look-ups."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self._words: dict[str, list[Term]] = defaultdict(list)
        self._prefixes: dict[str, list[Term]] = defaultdict(list)
        labels = {TOXICITY: 0.0}
        for term in terms:
            first = term.words[0]
            where, key = (self._prefixes, first[:-1]) if first.endswith("*") else (self._words, first)
            where[key].append(term)
            labels[term.label] = 0.0
        self._labels = labels

    def __call__(self, texts: Sequence[str]) -> dict[str, list[float]]:
        """Return the scores of each text by label."""
        found = [self.scores(text) for text in texts]
        return {label: [scores[label] for scores in found] for label in self._labels}

    def scores(self, text: str) -> dict[str, float]:
        """Return the scores of `text` by label, and the combined score as `toxicity`."""
        scores = dict(self._labels)
        for term, score in self._strongest(words(text)).items():
            for label in (term.label, TOXICITY):
                scores[label] = 1 - (1 - scores[label]) * (1 - score)
        return {label: round(min(score, _CERTAIN), 4) for label, score in scores.items()}

    def _strongest(self, text: list[WordForms]) -> dict[Term, float]:
        """Return the terms in the text, each once with its highest score."""
        found: dict[Term, float] = {}
        begun: dict[WordForms, list[Term]] = {}
        since_you = _REACH + 1
        for position, forms in enumerate(text):
            since_you = 0 if forms & _YOU else since_you + 1
            terms = begun.get(forms)
            if terms is None:
                terms = begun[forms] = list(self._beginning_with(forms))
            for term in terms:
                if term.matches_at(text, position):
                    meant = term.label == _INSULT and since_you <= _REACH
                    score = max(term.score, _DIRECTED) if meant else term.score
                    found[term] = max(score, found.get(term, 0.0))
        return found

    def _beginning_with(self, forms: WordForms) -> Iterator[Term]:
        for form in forms:
            yield from self._words.get(form, ())
            for end in range(1, len(form) + 1):
                yield from self._prefixes.get(form[:end], ())


def load() -> Lexicon:
    """Create the classifier from LEXICON_FILE, or from the built-in list. Raises ConfigError."""
    file = os.environ.get("LEXICON_FILE")
    try:
        return Lexicon(_terms(json.loads(regular_file.read_text(file or _FILE))))
    except (OSError, ValueError) as error:
        rule = "must be a JSON file with label → score → list of words and phrases, scores from 0 to 1"
        raise environment_error("LEXICON_FILE", rule) from error


def _terms(values: Any) -> Iterator[Term]:
    for label, scores in _members(values):
        for score, phrases in _members(scores):
            if not isinstance(phrases, list) or not all(
                isinstance(phrase, str) and phrase.split() for phrase in phrases
            ):
                raise ValueError("no list of phrases")
            if not 0 <= float(score) <= 1:
                raise ValueError("no score")
            yield from (Term(label, float(score), tuple(phrase.casefold().split())) for phrase in phrases)


def _members(value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise ValueError("no object")  # noqa: TRY004 - all invalid values of the file raise ValueError
    return value.items()
