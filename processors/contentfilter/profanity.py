"""The usual classifier: the model inside the wheel of alt-profanity-check, which the extra `contentfilter` installs.

It weighs words of English (a linear SVM over TF-IDF), and one bad word among many good ones weighs little. Texts are
therefore scored in pieces: sentences, and windows of words where a sentence does not end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from gecholog.plugins import import_extra

Scores = dict[str, list[float]]

# The name that the word list has for all labels together: config and sinks need not know which one is at work.
_LABEL = "toxicity"
_INSTEAD = "CLASSIFIER=processors.contentfilter.lexicon:load for the word list, which needs nothing"
_SENTENCE_END = re.compile(r"(?<=[.!?\n])\s+")
_LONGEST = 20  # words of a sentence that is scored as one
_WINDOW = 8  # words of a piece of a longer one
_STEP = 4  # words from one window's beginning to the next one's


def load() -> Callable[[Sequence[str]], Scores]:
    """Load the model. Raises ConfigError if the extra is not installed."""
    model = import_extra("profanity_check", extra="contentfilter", instead=_INSTEAD)

    def classify(texts: Sequence[str]) -> Scores:
        """The score of each piece, once if it comes again. All in one call: it costs 3 ms, however few they are."""
        return {_LABEL: model.predict_prob(list({piece for text in texts for piece in pieces(text)})).round(4).tolist()}

    return classify


def pieces(text: str) -> Iterator[str]:
    """The pieces of `text` that are scored, at least one. Each word is in one or two of them."""
    for sentence in _SENTENCE_END.split(text):
        words = sentence.split()
        if len(words) <= _LONGEST:
            yield sentence
        else:
            yield from (" ".join(words[start : start + _WINDOW]) for start in range(0, len(words) - _STEP, _STEP))
