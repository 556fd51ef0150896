"""The default classifier: the model in the wheel of alt-profanity-check, which the extra `contentfilter` installs.

The model is a linear SVM over TF-IDF of English words, in which one bad word among many good ones has little weight.
Texts are therefore scored in pieces: sentences, or windows of words in long sentences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from gecholog.plugins import import_extra

Scores = dict[str, list[float]]

# The same label as the word list's combined score, so that config and sinks do not depend on the classifier.
_LABEL = "toxicity"
_INSTEAD = "CLASSIFIER=processors.contentfilter.lexicon:load for the word list, which needs nothing"
_SENTENCE_END = re.compile(r"(?<=[.!?\n])\s+")
_MAX_SENTENCE = 20  # words; longer sentences are scored in windows
_WINDOW = 8  # words
_STEP = 4  # words between the starts of two windows


def load() -> Callable[[Sequence[str]], Scores]:
    """Load the model. Raises ConfigError if the extra is not installed."""
    model = import_extra("profanity_check", extra="contentfilter", instead=_INSTEAD)

    def classify(texts: Sequence[str]) -> Scores:
        """Return the score of each distinct piece. One call scores all, because each call costs 3 ms."""
        return {_LABEL: model.predict_prob(list({piece for text in texts for piece in pieces(text)})).round(4).tolist()}

    return classify


def pieces(text: str) -> Iterator[str]:
    """Yield the pieces of `text` to score, at least one. Each word is in one or two of them."""
    for sentence in _SENTENCE_END.split(text):
        words = sentence.split()
        if len(words) <= _MAX_SENTENCE:
            yield sentence
        else:
            yield from (" ".join(words[start : start + _WINDOW]) for start in range(0, len(words) - _STEP, _STEP))
